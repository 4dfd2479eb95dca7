"""Do several things at the same time. May import: nothing of the project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def at_once(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Call a function for all items at the same time; the first error is raised when all have ended.

    The wait has no time limit of its own: whatever ``function`` waits for ends at Ctrl-C
    (:mod:`brics_envs.effects.interrupts`), and Ctrl-C is dealt with in another thread.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(items))) as pool:
        futures = [pool.submit(function, item) for item in items]
        return [future.result() for future in futures]
