"""Which lines of logs are shown. Pure. May import: config."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from brics_envs.config.moments import moment_of

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

_FILE = re.compile(r"==> (.+) <==")
"""What tail writes before lines of another file."""


@dataclass(frozen=True)
class Wanted:
    """What is wanted of each log.

    :param tail: how many of its last lines; none: all.
    :param since: what was written from then on; none: all.
    """

    tail: int | None = None
    since: datetime | None = None

    def of(self, text: str, changed: datetime) -> str:
        """Those lines of a file.

        :param changed: when the file was changed last, which tells of a file whose lines have no times.
        """
        lines = text.splitlines()
        if self.since:
            since = self.since.replace(microsecond=0)
            moments = [moment_of(line) for line in lines]
            # A line without a time, as of a traceback, belongs to the one before it.
            first = next((n for n, moment in enumerate(moments) if moment and moment >= since), None)
            if first is not None:
                lines = lines[first:]
            elif any(moments) or changed < since:
                lines = []
        if self.tail is not None:
            lines = lines[max(0, len(lines) - self.tail) :]
        return "\n".join(lines)


@dataclass
class SinceThen:
    """Lets through what ``tail -F`` writes of several files from a moment on."""

    since: datetime | None
    _file: str = ""
    _passed: set[str] = field(default_factory=set)

    def wants(self, line: str) -> bool:
        """Whether the next line is wanted."""
        if match := _FILE.fullmatch(line):
            self._file = match[1]
            return True
        if self.since is None or self._file in self._passed:
            return True
        moment = moment_of(line)
        if moment and moment >= self.since.replace(microsecond=0):
            self._passed.add(self._file)
        return self._file in self._passed


def without_colours(text: str) -> str:
    """A text without a terminal's control sequences."""
    return _COLOURS.sub("", text)
