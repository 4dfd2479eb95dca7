"""The generated tables of the documentation show what the code has, and everything in it is described."""

from __future__ import annotations

import importlib.util
import signal
from pathlib import Path
from types import ModuleType

import pytest

from brics_envs.config.options import OPTIONS

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py; the tasks that it imports handle signals, which tests must not."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for number, handler in kept.items():
        signal.signal(number, handler)
    return module


def test_generated_tables_are_up_to_date(generate: ModuleType) -> None:
    pages = list(generate.pages())
    assert {page.name for page in pages} >= {"commands.md", "configuration.md"}
    stale = [page.name for page in pages if generate.filled(page.read_text()) != page.read_text()]
    assert not stale, f"run `python docs/generate.py`: {', '.join(stale)}"


def test_what_changes_is_found(generate: ModuleType) -> None:
    page = "before\n<!-- generated: versions -->\nold\n<!-- end -->\nafter\n"
    new = generate.filled(page)
    assert "old" not in new
    assert new.startswith("before\n")
    assert new.endswith("after\n")
    assert generate.filled(new) == new


def test_every_command_and_option_is_described(generate: ModuleType) -> None:
    text = (DOCS / "commands.md").read_text()
    sections = text.split("\n### ")[1:]
    for section in sections:
        title, _, rest = section.partition("\n")
        assert rest.strip(), f"{title} has no description"
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows
    assert not [row for row in rows if row.endswith("|  |")]
    assert all(option.help for option in OPTIONS.values())
