"""``Breaker``: whether Slurm, and the way to it, answers; what fails is tried ever more rarely. Imports nothing."""

from __future__ import annotations

import time

FIRST_PAUSE = 2.0
"""Seconds until the next question after the first failure; each further failure doubles them."""


class Breaker:
    """One for all that the hub does with a Slurm host over SSH.

    What nobody waits for (polls, looking for leftovers) asks :meth:`allows` first. What a user asks for is tried in any
    case, and tells the breaker how it went.
    """

    def __init__(self, longest_pause: float) -> None:
        """:param longest_pause: most seconds between two questions while nothing answers."""
        self.longest_pause = longest_pause
        self.failures = 0
        """In a row."""
        self._answered = 0.0
        self.next = 0.0
        """When the next question may be put, by the monotonic clock; questions that are under way do not count."""

    def succeeded(self) -> bool:
        """Slurm has answered, whatever it said; whether that is news."""
        news = self.failures > 0
        self.failures, self.next = 0, 0.0
        self._answered = time.monotonic()
        return news

    def failed(self, asked: float) -> bool:
        """Nothing has answered a question of that time; whether that is news. A later answer counts for more."""
        if asked < self._answered:
            return False
        self.failures += 1
        self._wait()
        return self.failures == 1

    def allows(self) -> bool:
        """Whether a question may be put now; while nothing answers, one at a time: whoever is told so must put it."""
        if time.monotonic() < self.next:
            return False
        if self.failures:
            self._wait()
        return True

    def _wait(self) -> None:
        # No more than 16 doublings: beyond that there is nothing but an overflow.
        self.next = time.monotonic() + min(FIRST_PAUSE * 2 ** min(self.failures - 1, 16), self.longest_pause)
