"""Run ``invoke`` as a user would. What a command ends in is the project's own :class:`Completed`."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from brics_envs.effects.process import Completed
from tests.support.checkout import PROJECT

T = TypeVar("T")
Measured = Callable[[str, float], None]
"""Takes what was measured, and its seconds."""


NEVER_STARTED = "waiting for init preliminary setup: read init-p: connection reset by peer"
"""What runc 1.1 says once in some thousand calls: its own helper ended before it had read which command to start."""


def run_podman(command: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> Completed:
    """Run a command of podman's to its end, and again if runc has never started what was to run in a container."""
    done = _run(command, environment, timeout_s)
    if NEVER_STARTED in done.stderr and "exec" in command:
        warnings.warn(f"runc never started {' '.join(command)}: once more", stacklevel=2)
        done = _run(command, environment, timeout_s)
    return done


def _run(command: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> Completed:
    done = subprocess.run(command, env=dict(environment), capture_output=True, timeout=timeout_s)
    return Completed(done.returncode, *(text.decode(errors="replace") for text in (done.stdout, done.stderr)))


def invoke(
    *args: str,
    stdin: str = "",
    timeout_s: float = 120,
    cwd: Path = PROJECT,
    environment: Mapping[str, str] | None = None,
    python: Sequence[str] = (sys.executable,),
) -> Completed:
    """Run ``invoke ARGS`` with the Python that runs the tests.

    :param environment: all of its environment; this process's own unless given.
    :param python: what runs Python instead.
    """
    done = subprocess.run(
        [*python, "-m", "invoke", *args],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=cwd,
        env=environment,
    )
    return Completed(done.returncode, done.stdout, done.stderr)


def ok(done: Completed) -> Completed:
    """The same, if the command succeeded."""
    assert done.status == 0, f"exit status {done.status}\n{done.stdout}\n{done.stderr}"
    return done


def timed(action: Callable[[], T]) -> tuple[T, float]:
    """What an action returns, and the seconds that it took."""
    began = time.monotonic()
    return action(), time.monotonic() - began
