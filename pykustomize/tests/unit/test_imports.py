"""The package stands on its own: what it imports, and how long its modules are."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULES = sorted((Path(__file__).parents[2]).glob("*.py"))
ALLOWED = {"pykustomize", "yaml", "re2", *sys.stdlib_module_names}
STARTS_OR_CONNECTS = {"subprocess", "socket", "multiprocessing", "http", "urllib", "asyncio"}


def imported(path: Path) -> Iterator[str]:
    """The packages that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_yaml_re2_and_the_standard_library_alone(path: Path) -> None:
    assert set(imported(path)) <= ALLOWED - STARTS_OR_CONNECTS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_module_is_longer_than_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
