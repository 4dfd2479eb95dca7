"""Runs a command on Slurm's host over SSH: what the hub's configuration puts before each of its commands.

``python3 -I -S on_slurm_host.py WORD…``; its standard input, output and exit status are the command's. That of the
wrapper ``slurmspawner_sbatch`` gets the environment of this process in the script that it reads (job_environment.py).

sshd lets a connection have ten sessions (MaxSessions), and takes few new connections at a time (MaxStartups): commands
share connections, which are opened one after the other, and what is too much at once waits. Needs the standard
library of Python 3.9 alone, and little of it: it runs at every look at a job.
"""

# pathlib is slow to import.
# ruff: noqa: PTH100, PTH103, PTH108, PTH112, PTH116, PTH120, PTH123, PTH208

from __future__ import annotations

import fcntl
import os
import shlex
import socket
import sys
import time
import zlib
from contextlib import suppress

TYPE_CHECKING = False  # typing is slow to import, too
if TYPE_CHECKING:
    from typing import NoReturn

HERE = os.path.dirname(os.path.abspath(__file__))
SSH_CONFIG = f"{HERE}/ssh_config"
HOST_NAME = "/etc/brics/deploy/sshHostname"
INPUTS = (HOST_NAME, SSH_CONFIG, "/etc/brics/ssh-known-hosts", "/etc/brics/ssh-client-key")
"""What a connection depends on: with other contents it is another one."""

PLACE = "/tmp/on-slurm-host"  # noqa: S108 - the container's own, where nobody else runs
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SUBMIT = "slurmspawner_sbatch"

CONNECTIONS = 3
SESSIONS = 8
"""Commands at a time on a connection; fewer than sshd's MaxSessions, which counts those that are just ending too."""

WAIT_S = 20
"""For a turn and a connection. With COMMAND_S less than what the spawner allows."""
CONNECT_S = 15
COMMAND_S = 30
IDLE_S = 300
PAUSE_S = 0.02

EXIT_USAGE, EXIT_SSH, EXIT_BUSY = 2, 255, 75


def main(words: list[str]) -> NoReturn:
    """Become the command."""
    if not words:
        fail("which command?", EXIT_USAGE)
    if words[-1].rpartition("/")[2] == SUBMIT:
        hand_over_environment()
    os.umask(0o077)
    os.makedirs(PLACE, exist_ok=True)
    deadline = time.monotonic() + WAIT_S
    number, turn = take_turn(deadline)
    control = f"{PLACE}/{inputs():08x}-{number // SESSIONS}"
    connect(control, deadline)
    # Held by timeout(1) until the command ends.
    os.set_inheritable(turn, True)
    ssh = (*ssh_command(control), "-o", "ControlMaster=no", "slurm", shlex.join(words))
    run = ("timeout", "--verbose", str(COMMAND_S), *ssh)
    os.execvpe(run[0], run, {"PATH": PATH})  # noqa: S606 - this process becomes the command


def ssh_command(control: str) -> tuple[str, ...]:
    """ssh with a deployment's settings, and where connections are shared."""
    with open(HOST_NAME) as file:
        host = file.read().strip()
    return ("ssh", "-F", SSH_CONFIG, "-o", f"HostName={host}", "-o", f"ControlPath={control}")


def hand_over_environment() -> None:
    """Replace standard input by the batch script with this process's environment. In memory: tokens are in it."""
    sys.path.insert(0, HERE)
    from job_environment import ScriptError, complete

    # As it was handed over: Python adds to os.environ.
    with open("/proc/self/environ", "rb") as file:
        pairs = [entry.split(b"=", 1) for entry in file.read().split(b"\0") if b"=" in entry]
    try:
        script = complete(sys.stdin.buffer.read(), dict(pairs))
    except ScriptError as error:
        fail(str(error), EXIT_USAGE)
    with open(os.memfd_create("script"), "w+b") as file:
        file.write(script)
        file.seek(0)
        os.dup2(file.fileno(), 0)


def inputs() -> int:
    """A number that stands for what a connection depends on."""
    total = 0
    for path in INPUTS:
        names = [f"{path}/{name}" for name in sorted(os.listdir(path))] if os.path.isdir(path) else [path]
        for name in filter(os.path.isfile, names):
            with open(name, "rb") as file:
                total = zlib.crc32(file.read(), total)
    return total


def lock(path: str) -> int | None:
    """A lock that is free, or None. It is held as long as a process has its file open."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def take_turn(deadline: float) -> tuple[int, int]:
    """Wait for a turn: the lowest that is free, and its lock."""
    turns = CONNECTIONS * SESSIONS
    while time.monotonic() < deadline:
        for number in range(turns):
            if (held := lock(f"{PLACE}/turn-{number}")) is not None:
                return number, held
        time.sleep(PAUSE_S)
    return fail(f"{turns} commands have been running on Slurm's host for {WAIT_S} s", EXIT_BUSY)


def listens(control: str) -> bool:
    """Whether ssh shares a connection there."""
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.connect(control)
        return True
    return False


def connect(control: str, deadline: float) -> None:
    """Ensure a connection. If another process's attempt fails while we wait, so has ours."""
    if listens(control):
        return
    began = time.time()
    failure = f"{PLACE}/failure"
    while (held := lock(f"{PLACE}/connecting")) is None:
        if time.monotonic() > deadline:
            fail(f"no connection to Slurm's host in {WAIT_S} s: timed out", EXIT_BUSY)
        time.sleep(PAUSE_S)
    if not listens(control):
        # It is there only while no connection has been opened since.
        with suppress(FileNotFoundError):
            if os.stat(failure).st_mtime > began:
                give_up(failure)
        open_connection(control, failure)
        if not listens(control):
            give_up(failure)
        os.unlink(failure)
    os.close(held)


def give_up(failure: str) -> NoReturn:
    with open(failure) as file:
        fail(file.read().strip() or "no connection to Slurm's host", EXIT_SSH, "")


def open_connection(control: str, failure: str) -> None:
    """Start ssh, which goes on by itself once it is connected; what it says is in a file if it fails."""
    with suppress(FileNotFoundError):
        os.unlink(control)
    background = ("-f", "-N", "-o", "ControlMaster=yes", "-o", f"ControlPersist={IDLE_S}")
    run = ("timeout", "--verbose", str(CONNECT_S), *ssh_command(control), *background, "slurm")
    said = os.open(failure, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    null = os.open(os.devnull, os.O_RDWR)
    files = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, said, 2)]
    os.waitpid(os.posix_spawnp(run[0], run, {"PATH": PATH}, file_actions=files), 0)
    os.utime(said)
    os.close(said)
    os.close(null)


def fail(message: str, status: int, prefix: str = "on_slurm_host: ") -> NoReturn:
    sys.stderr.write(f"{prefix}{message}\n")
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
