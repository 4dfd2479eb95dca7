"""Stop processes together with everything that they have started. May import: nothing of the project.

Each process given here leads a session and a process group of its own. What it starts may leave the group, as the
commands of a ``podman build`` do, or may lose its parent: it is found by its ancestors and its session. Without /proc
(macOS) there is only the group.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

DAEMONS = frozenset(
    [
        "conmon",
        "aardvark-dns",
        "catatonit",
        "fuse-overlayfs",
        "pasta",
        "pasta.avx2",
        "rootlessport",
        "slirp4netns",
    ]
)
"""Programs that podman leaves running on purpose, for a pod: they, and what they have started, are left alone."""

POLL_S = 0.05

KILL_S = 2.0
"""Seconds that processes have to be gone after SIGKILL."""


@dataclass(frozen=True)
class Process:
    """A process as /proc shows it; ``start`` tells it from a later one of the same number."""

    pid: int
    start: str
    parent: int
    session: int
    name: str
    is_running: bool


def stop(leaders: Collection[int], grace_s: float, has_ended: Callable[[int], bool] | None = None) -> None:
    """Stop processes: SIGTERM, and after a while SIGKILL for them and whatever is left of what they started.

    :param leaders: the leaders of sessions.
    :param grace_s: seconds between SIGTERM and SIGKILL.
    :param has_ended: says of a leader whether it has ended, for who started it; none: look.
    """
    ended = has_ended or _has_ended
    family = _Family(leaders)
    # A process that ends just after it has started another would leave that one without an ancestor.
    family.freeze()
    _signal_groups(leaders, signal.SIGTERM, ended)
    family.signal(signal.SIGCONT)
    deadline = time.monotonic() + grace_s
    while not all(map(ended, leaders)) and time.monotonic() < deadline:
        time.sleep(POLL_S)
        family.look()
    deadline = time.monotonic() + KILL_S
    while time.monotonic() < deadline:
        family.freeze()
        _signal_groups(leaders, signal.SIGKILL, ended)
        if not family.signal(signal.SIGKILL) and all(map(ended, leaders)):
            return
        time.sleep(POLL_S)


class _Family:
    """The leaders and their descendants: all that were seen at any time."""

    def __init__(self, leaders: Collection[int]) -> None:
        self._pids = set(leaders)
        self._seen: dict[int, str] = {}

    def look(self) -> set[int]:
        """Add those that have come since; return them."""
        others = [found for found in _processes() if found.pid not in self._seen]
        before = set(self._seen)
        while new := [
            p for p in others if {p.pid, p.parent, p.session} & self._pids and p.name not in DAEMONS
        ]:
            self._pids |= {process.pid for process in new}
            self._seen |= {process.pid: process.start for process in new}
            others = [process for process in others if process.pid not in self._seen]
        return set(self._seen) - before

    def freeze(self) -> None:
        """Keep them from starting more, and find all that there are."""
        while True:
            found = self.look()
            self.signal(signal.SIGSTOP)
            if not found:
                return

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to those that still run; whether there were any."""
        found = filter(None, map(_read, self._seen))
        alive = [
            process for process in found if process.is_running and self._seen[process.pid] == process.start
        ]
        for process in alive:
            with contextlib.suppress(OSError):
                os.kill(process.pid, number)
        return bool(alive)


def _signal_groups(leaders: Collection[int], number: signal.Signals, ended: Callable[[int], bool]) -> None:
    for leader in leaders:
        # The number of a process that has been waited for may belong to another one by now.
        if not ended(leader):
            with contextlib.suppress(OSError):
                os.killpg(leader, number)


def _has_ended(pid: int) -> bool:
    found = _read(pid)
    if found is not None:
        return not found.is_running
    try:
        return os.getsid(pid) != pid
    except OSError:
        return True


def _processes() -> Iterator[Process]:
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - a machine that is busy must be quick here
    except OSError:
        return
    for name in filter(str.isdigit, names):
        if (found := _read(int(name))) is not None:
            yield found


def _read(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123 - as above
            text = file.read()
    except OSError:
        return None
    # The program's name, in parentheses, may have anything in it.
    head, _, tail = text.rpartition(b")")
    fields = tail.split()
    return Process(
        pid=pid,
        start=fields[19].decode(),
        parent=int(fields[1]),
        session=int(fields[3]),
        name=head.partition(b"(")[2].decode(errors="replace"),
        is_running=fields[0] not in b"ZX",
    )
