"""The project's checkout, and copies of it, so that tests write into nobody's configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
"""The checkout that is tested."""

DEV_USERS = "testuser.project1\ntestuser.project2\notheruser.project1\n"


def copy_project(target: Path) -> None:
    """Copy every file that Git tracks or would track, edits included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target / name)


@contextmanager
def checkout(dev_users: str = DEV_USERS) -> Iterator[Path]:
    """A copy of the checkout, edits included, with these users of dev_realauth.

    For work on the tests themselves ``BRICS_TEST_CHECKOUT=DIR`` keeps it: what is there is used again.
    """
    kept = os.environ.get("BRICS_TEST_CHECKOUT")
    with tempfile.TemporaryDirectory(prefix="brics-checkout.", dir="/var/tmp") as temporary:
        root = Path(kept or temporary)
        copy_project(root)
        (root / "config/dev_realauth/dev_users").write_text(dev_users)
        yield root
