"""Processes of the pod are killed, or frozen for a while."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.faults.fault import Cause
from tests.integration.faults.scene import Scene
from tests.support.processes import command_line, descendants
from tests.support.waiting import wait_for

COMMAND_LINES = {
    "munged": r"munged --foreground",
    "slurmctld": r"slurmctld -D",
    "slurmd": r"slurmd -D",
    "sshd": r"sshd: |sshd -D|sshd-session: ",
    "jupyterhub": r"python\S* \S*/jupyterhub --config",
    "configurable-http-proxy": r"node \S*/configurable-http-proxy",
    "apache2": r"apache2 -f",
    "issuer": r"node server.js",
    "slurmstepd": r"slurmstepd: \[",
    "launcher": r"python\S* .*JUPYTERHUB_LAUNCHER",
    "jupyterhub-singleuser": r"python\S* \S*/jupyterhub-singleuser",
}
"""Program → how its command line begins, after a path."""

BACK_S = 60
"""Seconds within which what was killed is back; it takes 1 or 2 on an idle machine."""


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal from outside the pod to a process of any of its users, unless it has ended by itself."""
    # Rootless, the pod's users are others than we are.
    unshare = ["podman", "unshare"] if os.geteuid() else []
    done = subprocess.run([*unshare, "kill", f"-{number.value}", str(pid)], capture_output=True, text=True)
    # sshd's processes for one connection end with the one that was killed before them.
    assert done.returncode == 0 or not Path("/proc", str(pid)).exists(), done.stderr


def main_pid(scene: Scene, container: str) -> int:
    """The process ID, on this machine, of a container's first process; 0 while it does not run."""
    pid: int = scene.real.container(container).attrs["State"]["Pid"]
    return pid


def pids(scene: Scene, program: str) -> set[int]:
    """The process IDs, on this machine, of a program in any of the pod's containers."""
    pattern = re.compile(rf"(\S*/)?({COMMAND_LINES[program]})")
    mains = [main_pid(scene, name) for name in scene.container_names()]
    lines = [(pid, command_line(pid)) for pid in mains if pid]
    lines += [found for pid in mains if pid for found in descendants(pid)]
    return {pid for pid, line in lines if pattern.match(line)}


def killed(program: str, *, comes_back: bool = True) -> Cause:
    """Kill every process of a program; wait until it is back, if it is one that comes back."""

    @contextmanager
    def cause(scene: Scene) -> Iterator[None]:
        before = pids(scene, program)
        assert before, f"{program} does not run"
        for pid in before:
            send(pid, signal.SIGKILL)
        yield
        if comes_back:
            wait_for(lambda: pids(scene, program) - before, f"{program} is back", BACK_S)

    return cause


def frozen(program: str, seconds: float) -> Cause:
    """Stop every process of a program for so long, or longer if the checks take longer."""

    @contextmanager
    def cause(scene: Scene) -> Iterator[None]:
        found = pids(scene, program)
        assert found, f"{program} does not run"
        with _stopped(found, seconds):
            yield

    return cause


@contextmanager
def _stopped(found: set[int], seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    try:
        for pid in found:
            send(pid, signal.SIGSTOP)
        yield
        time.sleep(max(0.0, end - time.monotonic()))
    finally:
        for pid in found:
            send(pid, signal.SIGCONT)
