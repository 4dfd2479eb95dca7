"""A small process beside each command, which clears up if the command is killed. May import: process_tree.

Nothing can be done about SIGKILL (out of memory, ``kill -9``) in the process that gets it. So a command tells its
guardian beforehand what has to go when it ends: processes, temporary files; and lends it the locks that it holds, so
that the next command waits until they have gone. A socket connects the two; its end is the command's end.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from brics_envs.effects import process_tree

GRACE_S = 0.5
"""Seconds between SIGTERM and SIGKILL for the processes of a command that was killed."""

END_S = GRACE_S + process_tree.KILL_S
"""Seconds that the guardian needs at most to clear up."""

SEND_S = 1.0
"""Seconds that the guardian has to take a message; the command goes on without it otherwise."""

UNMOUNT_S = 2.0

PROJECT_ROOT = Path(__file__).resolve().parents[2]

_END = b"\0"
"""Ends a message: no path has it."""


class Guardian:
    """The command's side. Before :meth:`start`, and when the guardian is gone, keeping is of no effect."""

    def __init__(self) -> None:
        self._kept: set[str] = set()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the guardian.

        :raises OSError: the system has no room for a process.
        """
        ours, theirs = socket.socketpair()
        ours.settimeout(SEND_S)
        with theirs:
            self._process = subprocess.Popen(
                # Without site-packages: nothing of them is needed, and it starts in a third of the time.
                [sys.executable, "-S", "-P", "-m", "brics_envs.effects.guardian"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
                cwd="/",
                start_new_session=True,
            )
        self._socket = ours

    def finish(self, wait_s: float = END_S) -> None:
        """End the guardian; what is still kept goes."""
        if self._process is None or self._socket is None:
            return
        if not self._kept:
            self._process.kill()
        self._socket.close()
        self._socket = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(wait_s)

    def keep(self, kind: str, value: int | Path) -> None:
        """Note what has to go if the command is killed.

        :param kind: ``process`` (the leader of a session) or ``path``.
        """
        self._kept.add(f"{kind} {value}")
        self._send(f"+{kind} {value}")

    def forget(self, kind: str, value: int | Path) -> None:
        """Note that it has gone."""
        self._kept.discard(f"{kind} {value}")
        self._send(f"-{kind} {value}")

    def lend(self, lock: int) -> None:
        """Lend a locked file's descriptor: the lock lasts until all has gone."""
        self._send("=lock", lock)

    def _send(self, message: str, *descriptors: int) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                socket.send_fds(self._socket, [os.fsencode(message) + _END], descriptors)


guardian = Guardian()
"""The one of this process."""


def remove_tree(path: Path) -> None:
    """Remove a file or a directory with all that is in it, as far as that is possible; never what is mounted there.

    `podman build` leaves what it has mounted for a RUN instruction when it is stopped.
    """
    if not path.is_dir() or path.is_symlink():
        with contextlib.suppress(OSError):
            path.unlink()
        return
    for mount in reversed(_mounts_below(path)):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                ["umount", "--lazy", mount], capture_output=True, timeout=UNMOUNT_S, start_new_session=True
            )
    if not _mounts_below(path):
        shutil.rmtree(path, ignore_errors=True)


def _mounts_below(path: Path) -> list[str]:
    """What is mounted in a directory, in the order of mounting."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    # proc_pid_mountinfo(5): the fifth field, with blanks and the like in octal.
    places = [re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), line.split()[4]) for line in lines]
    return [place for place in places if place.startswith(f"{path.resolve()}/")]


def _listen(channel: socket.socket) -> set[str]:
    """What is kept when the command ends."""
    kept: set[str] = set()
    rest = b""
    while True:
        # The descriptors of locks that come along stay open as long as this process lives.
        data, _, _, _ = socket.recv_fds(channel, 65536, 64)
        if not data:
            return kept
        *messages, rest = (rest + data).split(_END)
        for message in map(os.fsdecode, messages):
            if message.startswith("+"):
                kept.add(message[1:])
            elif message.startswith("-"):
                kept.discard(message[1:])


def _clear_up(kept: set[str]) -> None:
    things = [entry.partition(" ") for entry in kept]
    process_tree.stop([int(value) for kind, _, value in things if kind == "process"], GRACE_S)
    for kind, _, value in things:
        if kind == "path":
            remove_tree(Path(value))


def main() -> None:
    """Wait for the command's end, and clear up after it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The command gets the same and ends; so does this process then.
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=os.dup(0)) as channel:
        kept = _listen(channel)
    if kept:
        _clear_up(kept)


if __name__ == "__main__":
    main()
