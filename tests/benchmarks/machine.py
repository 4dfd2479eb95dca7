"""The machine on which figures were measured."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime

GIB = 2**30


@dataclass(frozen=True)
class Machine:
    """What figures depend on; ``load`` is the machine's over the last minute, before anything was measured."""

    date: str
    cpus: int
    memory_gib: float
    kernel: str
    podman: str
    load: float

    def __str__(self) -> str:
        """As a sentence of the documentation."""
        return (
            f"{self.date}, {self.cpus} CPUs, {self.memory_gib:.0f} GiB of memory, Linux {self.kernel},"
            f" podman {self.podman}; load before {self.load:.1f}."
        )


def this_machine() -> Machine:
    """The machine that we are on, now."""
    return Machine(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        cpus=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB, 1),
        kernel=platform.release(),
        podman=podman_version(),
        load=round(os.getloadavg()[0], 1),
    )


def podman_version() -> str:
    """Podman's version; not every benchmark needs one."""
    if not shutil.which("podman"):
        return "(none)"
    command = ["podman", "version", "--format={{.Client.Version}}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
