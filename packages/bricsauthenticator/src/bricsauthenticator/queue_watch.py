"""The jobs that wait, asked for once for all servers of a hub that somebody watches. Imports: waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from bricsauthenticator.waiting import Waiting, parse_queue

NOBODY: Mapping[str, Waiting] = MappingProxyType({})


class QueueWatch:
    """Slurm's last answer. It is asked again when somebody looks who finds it too old, and never twice at a time."""

    def __init__(self) -> None:
        self._waiting = NOBODY
        self._asked = float("-inf")
        self._question: asyncio.Task[None] | None = None

    def look(self, ask: Callable[[], Awaitable[str]], oldest: float) -> Mapping[str, Waiting]:
        """The jobs that wait, by ID, as far as they are known now; returns at once.

        :param ask: asks Slurm.
        :param oldest: seconds after which Slurm is asked again, also if it did not answer.
        """
        idle = self._question is None or self._question.done()
        if idle and time.monotonic() - self._asked >= oldest:
            self._asked = time.monotonic()
            self._question = asyncio.ensure_future(self._update(ask))
        return self._waiting

    async def _update(self, ask: Callable[[], Awaitable[str]]) -> None:
        try:
            self._waiting = parse_queue(await ask())
        except (RuntimeError, OSError):
            # Better no word than an old one.
            self._waiting = NOBODY
