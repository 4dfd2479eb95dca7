"""What this machine has and lacks, as ``./bootstrap --facts`` finds it. May import: errors, process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brics_envs.effects import process
from brics_envs.errors import EnvsError

STATES = ("ok", "lacks", "old", "cannot", "note")

CONTROLLERS = "cgroup controllers"
"""The name of the fact whose ``found`` are those that a user's podman can limit with, or that there is cgroup v1."""


@dataclass(frozen=True)
class Fact:
    """One thing that the project needs.

    :param state: ``ok``; ``lacks`` (absent); ``old``; ``cannot`` (there is nothing to install: see ``fix``); ``note``
        (it works, with a limit that ``fix`` tells).
    :param name: what is needed.
    :param found: what there is.
    :param fix: what to do, or ``""``.
    """

    state: str
    name: str
    found: str
    fix: str

    @property
    def is_fine(self) -> bool:
        """Whether nothing need be done."""
        return self.state in ("ok", "note")


def parse_facts(lines: str) -> list[Fact]:
    """Read facts, one ``STATE|NAME|FOUND|FIX`` a line.

    :raises EnvsError: a line has other parts.
    """
    facts = []
    for line in lines.splitlines():
        parts = line.split("|", maxsplit=3)
        if len(parts) != 4 or parts[0] not in STATES:
            raise EnvsError(f"./bootstrap --facts printed an unexpected line: {line!r}")
        facts.append(Fact(*parts))
    return facts


def examine(root: Path) -> list[Fact]:
    """Ask the bootstrap of the checkout at ``root``; changes nothing.

    :raises EnvsError: bootstrap failed.
    """
    return parse_facts(process.run([str(root / "bootstrap"), "--facts"], timeout_s=60).stdout)
