"""The generated tables of the documentation show what the code has, and everything in it is described."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from brics_envs.config.options import OPTIONS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def check(docs: Path) -> subprocess.CompletedProcess[str]:
    """Run the check in a process of its own: invoke changes a task's options when it reads a command line."""
    return subprocess.run(
        [sys.executable, str(docs / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_generated_tables_are_up_to_date() -> None:
    done = check(DOCS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_out_of_date_is_found(tmp_path: Path) -> None:
    for name in ("brics_envs", "pykustomize", "config", "tasks.py"):
        (tmp_path / name).symlink_to(DOCS.parent / name)
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("images"))
    page = tmp_path / "docs/configuration.md"
    page.write_text(page.read_text().replace("| `logLevel` |", "| `oldKey` |"))
    done = check(page.parent)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("out of date: docs/configuration.md")


def test_every_command_and_option_is_described() -> None:
    text = (DOCS / "commands.md").read_text()
    sections = text.split("\n### ")[1:]
    for section in sections:
        title, _, rest = section.partition("\n")
        assert rest.strip(), f"{title} has no description"
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows
    assert not [row for row in rows if row.endswith("|  |")]
    assert all(option.help for option in OPTIONS.values())
