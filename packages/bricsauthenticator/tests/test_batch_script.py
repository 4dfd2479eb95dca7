"""What every batch script gets, whatever its template says."""

from __future__ import annotations

import subprocess

import pytest
from bricsauthenticator.batch_script import complete, launcher_text, server_command

HEADER = ["#SBATCH --comment=jupyterhub:ab12", "#SBATCH --no-requeue"]


@pytest.mark.parametrize(
    ("script", "before"),
    [
        ("#!/bin/bash -l\n#SBATCH --time=1\n# x\n#SBATCH --comment=theirs\n\ntrue\n#SBATCH --no\n", 4),
        ("#!/bin/bash\ntrue\n", 1),
        ("#!/bin/bash\n\n#SBATCH --requeue\n", 3),
        ("#!/bin/sh\ntrue\n#SBATCH --time=1\n", 1),
    ],
)
def test_directives_come_last_of_those_that_sbatch_reads(script: str, before: int) -> None:
    lines = complete(script, "ab12").splitlines()
    assert lines[:before] == script.splitlines()[:before]
    assert lines[before : before + 2] == HEADER
    assert lines[len(lines) - len(script.splitlines()) + before :] == script.splitlines()[before:]


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_launcher_reaches_its_python_unchanged(shell: str) -> None:
    script = complete(
        '#!/bin/sh\ntrue\nprintf %s "$JUPYTERHUB_LAUNCHER"\necho\n'
        + server_command("echo", "ab12", ["x", "$HOME"]),
        "ab12",
    )
    done = subprocess.run(
        [shell],
        input=script,
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": "/h", "PATH": "/usr/bin:/bin"},
    )
    printed, _, words = done.stdout.rstrip("\n").rpartition("\n")
    assert printed == launcher_text().rstrip("\n")
    assert words == "-I -S -c import os; exec(os.environ.pop('JUPYTERHUB_LAUNCHER')) ab12 x /h"


def test_the_launcher_is_small_enough_for_a_variable() -> None:
    assert len(launcher_text()) < 32 * 1024, "the kernel's limit is 128 KiB"
