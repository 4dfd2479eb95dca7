"""This machine's processes, those of containers included, and what the kernel says of one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

CHUNK = 1 << 16
"""Bytes that are read at once: more than almost any command line has."""


def command_line(pid: int | str) -> str:
    """A process's command line, its arguments joined by spaces; empty if it has ended."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 (a path object would double the cost)
            return as_line(file.read())
    except OSError:
        return ""


def raw_command_lines() -> set[bytes]:
    """The command line of every process as the kernel gives it: half the cost, for who looks over and over."""
    found = set()
    for pid in os.listdir("/proc"):  # noqa: PTH208 (as above)
        if pid.isdigit():
            try:
                found.add(_read(f"/proc/{pid}/cmdline"))
            except OSError:  # it may end at any moment
                continue
    return found - {b""}


def _read(file: str) -> bytes:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        content = read = os.read(descriptor, CHUNK)
        while len(read) == CHUNK:
            read = os.read(descriptor, CHUNK)
            content += read
        return content
    finally:
        os.close(descriptor)


def as_line(raw: bytes) -> str:
    """A command line, its arguments joined by spaces."""
    return raw.replace(b"\0", b" ").decode(errors="backslashreplace").strip()


def command_lines() -> set[str]:
    """The command line of every process."""
    return {as_line(raw) for raw in raw_command_lines()} - {""}


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
