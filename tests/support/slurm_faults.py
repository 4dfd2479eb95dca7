"""Ways in which Slurm, and the way to it, fail: put into a running instance, and taken out again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.commands import ok
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

SHIM = "/usr/local/bin/sbatch"
"""Where the wrapper, by sudo's path, finds it before the real one."""

LATE_ANSWER = "/usr/bin/sbatch --parsable >/tmp/answer.$$; sleep 40; cat /tmp/answer.$$"
"""The job is accepted at once; the answer comes after 40 s, when nobody waits for it any more."""

LATE_JOB = "cat >/tmp/late.$$; setsid sh -c 'sleep 45; exec /usr/bin/sbatch </tmp/late.'$$ >/dev/null 2>&1 & sleep 300"
"""The job is accepted after 45 s, when nobody waits for an answer any more."""

SLOW_ANSWER = "/usr/bin/sbatch --parsable >/tmp/answer.$$; sleep 8; cat /tmp/answer.$$"
"""The job is accepted at once; in the 8 s until the answer something may happen."""


def says(words: str, status: int = 1) -> str:
    """An sbatch that fails with these words."""
    return f"cat >/dev/null; printf %s {shlex.quote(words)} >&2; exit {status}"


@contextmanager
def sbatch(running: RunningInstance, script: str) -> Iterator[None]:
    """Put a shell script in the place of sbatch while the ``with`` block lasts."""
    ok(
        running.run(
            "slurm", "sh", "-c", f"printf '#!/bin/sh\\n%s\\n' \"$0\" >{SHIM} && chmod 755 {SHIM}", script
        )
    )
    try:
        yield
    finally:
        ok(running.run("slurm", "rm", "-f", SHIM))


@contextmanager
def pending(running: RunningInstance) -> Iterator[None]:
    """Keep new jobs in the queue while the ``with`` block lasts."""
    ok(running.run("slurm", "scontrol", "update", "partition=workq", "state=down"))
    try:
        yield
    finally:
        ok(running.run("slurm", "scontrol", "update", "partition=workq", "state=up"))


@contextmanager
def frozen(running: RunningInstance, daemon: str) -> Iterator[None]:
    """Freeze a daemon while the ``with`` block lasts."""
    pid = str(running.pid(daemon))
    ok(running.run("slurm", "kill", "-STOP", pid))
    try:
        yield
    finally:
        ok(running.run("slurm", "kill", "-CONT", pid))
        wait_for(running.takes_jobs, "Slurm takes jobs")


@contextmanager
def slow(running: RunningInstance, daemon: str) -> Iterator[None]:
    """Let a daemon run for half a second in three while the ``with`` block lasts."""
    pid = str(running.pid(daemon))
    loop = "while kill -STOP $0; do sleep 2.5; kill -CONT $0; sleep 0.5; done"
    ok(
        running.run(
            "slurm", "sh", "-c", 'setsid sh -c "$1" "$0" >/dev/null 2>&1 & echo $! >/run/slow', pid, loop
        )
    )
    try:
        yield
    finally:
        ok(running.run("slurm", "sh", "-c", 'kill $(cat /run/slow); kill -CONT "$0"', pid))
        wait_for(running.takes_jobs, "Slurm takes jobs")


def cut_connections(running: RunningInstance) -> None:
    """Kill the processes of sshd that serve the hub's connections: sshd itself before OpenSSH 9.8."""
    ok(running.run("slurm", "pkill", "--full", "^sshd(-session)?: jupyterspawner"))


def kill_hub(running: RunningInstance) -> None:
    """Kill the hub at once, and have its container back, which podman's own ``kill`` may not bring by itself."""
    before = running.container("jupyterhub").attrs["State"]["Pid"]
    running.container("jupyterhub").kill("SIGKILL")

    def is_back() -> bool:
        container = running.container("jupyterhub")
        if container.status == "exited":
            container.start()
        pid: int = container.attrs["State"]["Pid"]
        return pid not in (0, before)

    wait_for(is_back, "the hub's container is back")


def marks(running: RunningInstance, account: str) -> list[str]:
    """The comments of an account's jobs in the queue."""
    return running.slurm("squeue", "--noheader", "--format=%k", f"--user={account}").split()
