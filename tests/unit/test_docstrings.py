"""Parameters and fields are documented in one way: ``:param NAME:``, and what comes back as ``:returns:``."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("brics_envs", "build", "docs", "k8s", "packages", "pykustomize", "requirements", "tests")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
OTHER = re.compile(r"^ *:(ivar|return|arg|type|rtype)\b", re.MULTILINE)


def faults(source: str) -> Iterator[str]:
    """What is documented in another way: names of fields, or the words used."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from OTHER.findall(ast.get_docstring(node, clean=False) or "")
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(d) for d in node.decorator_list):
            for statement, after in zip(node.body, node.body[1:], strict=False):
                is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                if isinstance(statement, ast.AnnAssign) and is_text:
                    yield ast.unparse(statement.target)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_one_way(path: Path) -> None:
    assert not list(faults(path.read_text()))


def test_other_ways_are_found() -> None:
    field = '@dataclass(frozen=True)\nclass A:\n    "A."\n    x: int\n    """An x."""\n'
    assert list(faults(field)) == ["x"]
    assert list(faults('def f():\n    """F.\n\n    :return: x\n    """\n')) == ["return"]
