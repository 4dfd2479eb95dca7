"""Clones that are interrupted leave neither a half of one nor a process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import PROJECT
from tests.support.git_hosts import silent_host
from tests.support.processes import command_lines
from tests.support.repository_project import Project

CLONE = """
import sys
from pathlib import Path
from brics_envs.config.repos import parse_url
from brics_envs.effects import process
from brics_envs.effects.clone import clone
try:
    clone(parse_url(sys.argv[1]), None, Path(sys.argv[2]), print, lambda _name, _directory: "")
except KeyboardInterrupt:
    process.stop_all()
    sys.exit(130)
"""


@pytest.fixture
def stuck_clone(project: Project) -> Iterator[subprocess.Popen[bytes]]:
    """A clone that waits for a host which says nothing."""
    with silent_host() as url:
        process = subprocess.Popen([sys.executable, "-c", CLONE, url, str(project.clone)], cwd=PROJECT)
        deadline = time.monotonic() + 20
        while not any(url in line for line in command_lines() if "git clone" in line):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
        process.kill()
        process.wait()


@pytest.mark.parametrize(("sig", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_clone_is_none(
    project: Project, upstream: Path, stuck_clone: subprocess.Popen[bytes], sig: signal.Signals, status: int
) -> None:
    began = time.monotonic()
    stuck_clone.send_signal(sig)
    assert stuck_clone.wait(20) == status
    assert time.monotonic() - began < 15
    assert not project.clone.exists()
    assert bool(project.leftovers) == (sig is signal.SIGKILL)
    assert project.one(f"file://{upstream}").version == "1.2.0"
    assert project.leftovers == []


def test_an_interrupted_clone_leaves_no_process(stuck_clone: subprocess.Popen[bytes]) -> None:
    stuck_clone.send_signal(signal.SIGINT)
    stuck_clone.wait(20)
    assert not [line for line in command_lines() if "clone_worker" in line]
