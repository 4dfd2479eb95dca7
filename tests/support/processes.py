"""This machine's processes, those of containers included, and what the kernel says of one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def command_line(pid: int | str) -> str:
    """A process's command line, its arguments joined by spaces; empty if it has ended."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 (a path object would double the cost)
            return file.read().replace(b"\0", b" ").decode(errors="backslashreplace").strip()
    except OSError:
        return ""


def command_lines() -> set[str]:
    """The command line of every process."""
    return {command_line(pid) for pid in os.listdir("/proc") if pid.isdigit()} - {""}  # noqa: PTH208 (as above)


def children(pid: int) -> list[int]:
    """The PIDs of a process's children."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it may end at any moment
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, file.read_text().split())
    return found


def descendants(pid: int) -> Iterator[tuple[int, str]]:
    """Every process that a process started, and that those started: PID and command line."""
    for child in children(pid):
        if line := command_line(child):
            yield child, line
        yield from descendants(child)


def status_fields(status: str) -> dict[str, str]:
    """The fields of a ``/proc/PID/status``: user IDs, capabilities and the like."""
    return {name: value.strip() for name, value in (line.split(":", 1) for line in status.splitlines())}
