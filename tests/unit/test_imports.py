"""The direction of imports, what modules say they import, and that the runtime lock installs it all."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "brics_envs"

MOST_LINES = 300
"""Of a module: what is longer holds more than one idea."""

LEVELS = {"errors": 0, "config": 1, "plan": 2, "kustomize": 2, "effects": 3, "lifecycle": 4, "cli": 5}
"""Parts of brics_envs: each may import itself and what is below it."""

IMPORT_NAMES = {
    "GitPython": "git",
    "google-re2": "re2",
    "Jinja2": "jinja2",
    "PyJWT": "jwt",
    "PyYAML": "yaml",
    "setuptools-scm": "setuptools_scm",
    "websocket-client": "websocket",
}
"""Distributions whose packages are called differently."""

MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
)


def file_of(module: str) -> Path:
    return PACKAGE.joinpath(*module.split(".")).with_suffix(".py")


def imported_names(module: str) -> Iterator[str]:
    """Every name that the module imports, wherever in it: ``brics_envs.plan.names.Instance``, ``json``."""
    for node in ast.walk(ast.parse(file_of(module).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ["brics_envs", *module.split(".")][: -node.level] if node.level else []
            base = ".".join([*above, node.module or ""]).strip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def own_imports(module: str) -> Iterator[str]:
    """The modules of brics_envs that the module imports, without the package's name."""
    for name in imported_names(module):
        parts = name.split(".")
        if parts[0] == "brics_envs":
            while parts and not (file_of(".".join(parts[1:])).exists() or len(parts) == 2):
                parts.pop()
            yield ".".join(parts[1:])


def may_import(module: str) -> list[str]:
    """The entries of the docstring's ``May import:``."""
    docstring = " ".join((ast.get_docstring(ast.parse(file_of(module).read_text())) or "").split())
    found = re.search(r"May import:? (.*?)\.(?: |$)", docstring)
    assert found, f"{module} does not say what it may import"
    return [entry.strip() for entry in re.split(r",| and ", found[1])]


def allows(entry: str, module: str, imported: str) -> bool:
    if entry in ("everything", "everything but cli", "all but cli"):
        return imported != "cli" or entry == "everything"
    sibling = f"{module.rpartition('.')[0]}.{entry}"
    return imported in (entry, sibling) or imported.startswith(f"{entry}.") or imported.endswith(f".{entry}")


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    level = LEVELS[module.split(".")[0]]
    for imported in own_imports(module):
        part = imported.split(".")[0]
        assert LEVELS[part] <= level, f"{module} imports {imported}, which is above it"


@pytest.mark.parametrize("path", sorted((ROOT / "pykustomize").glob("*.py")), ids=lambda path: path.stem)
def test_the_merge_imports_nothing_of_ours(path: Path) -> None:
    assert not re.search(r"^\s*(from|import) (brics_envs|tasks|tests)\b", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("module", [name for name in MODULES if name.split(".")[0] in ("config", "plan")])
def test_what_decides_starts_nothing(module: str) -> None:
    starts_or_connects = re.compile(
        r"(subprocess|socket|docker|git|requests|urllib\.request|http|multiprocessing)\b"
    )
    assert not [name for name in imported_names(module) if starts_or_connects.match(name)]


@pytest.mark.parametrize(
    "module", [name for name in MODULES if name not in ("effects.process", "effects.guardian")]
)
def test_one_module_starts_commands(module: str) -> None:
    assert "subprocess" not in {name.split(".")[0] for name in imported_names(module)}


@pytest.mark.parametrize("module", [name for name in MODULES if name != "errors"])
def test_a_module_imports_what_it_says(module: str) -> None:
    entries = may_import(module)
    for imported in own_imports(module):
        assert any(allows(entry, module, imported) for entry in entries), f"{module} imports {imported}"


@pytest.mark.parametrize("module", MODULES)
def test_what_is_imported_is_installed_for_the_commands(module: str) -> None:
    lines = (ROOT / "requirements/project.in").read_text().splitlines()
    distributions = {re.split(r"[^\w.-]", line)[0] for line in lines if line and not line.startswith("#")}
    installed = {IMPORT_NAMES.get(name, name) for name in distributions}
    named = {name.split(".")[0] for name in imported_names(module)}
    foreign = named - {"brics_envs", "pykustomize"} - sys.stdlib_module_names
    assert foreign <= installed


@pytest.mark.parametrize("place", ["brics_envs", "pykustomize", "build", "k8s", "packages"])
def test_modules_are_short(place: str) -> None:
    modules = [path for path in (ROOT / place).rglob("*.py") if "tests" not in path.relative_to(ROOT).parts]
    assert modules
    assert not {path: lines for path in modules if (lines := len(path.read_text().splitlines())) > MOST_LINES}
