"""The names of a Containerfile's steps, for those who watch a build. Pure. May import: nothing of the project.

The comment ``# Step: NAME`` names the RUN instruction that follows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

MARK = "# Step: "


def step_names(containerfile: str) -> dict[str, str]:
    """RUN instruction, as :func:`plain` → name, of all that have one."""
    joined = re.sub(r"\\\n", " ", containerfile)
    pairs = re.findall(rf"^{MARK}(.+)\nRUN (.+)$", joined, re.MULTILINE)
    return {plain(instruction): name.strip() for name, instruction in pairs}


def plain(instruction: str) -> str:
    """An instruction with one blank wherever there are several, or line ends."""
    return " ".join(instruction.split())


class RunningSteps:
    """Reports the RUN instructions of a ``podman build`` that are not taken from the cache, by their names."""

    def __init__(self, names: Mapping[str, str], report: Callable[[str], None]) -> None:
        self._names = names
        self._report = report
        self._pending = ""

    def see(self, line: str) -> None:
        """Take a line of ``podman build``'s output."""
        if self._pending and "Using cache" not in line:
            self._report(self._pending)
        _, step, instruction = line.partition(": RUN ")
        text = plain(instruction) if step and "STEP " in line else ""
        self._pending = self._names.get(text, text)
