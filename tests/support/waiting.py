"""Wait with a deadline, an interval and a reason."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 180.0
"""Generous: for a small machine that does other things too."""


def wait_for(probe: Callable[[], T], what: str, deadline_s: float = DEADLINE_S, interval_s: float = 0.1) -> T:
    """Call ``probe`` until it returns something true, and return that.

    :param what: what is waited for, for the error.
    :raises AssertionError: it did not come within the deadline; with the last thing that was returned.
    """
    end = time.monotonic() + deadline_s
    while not (found := probe()):
        assert time.monotonic() < end, f"not within {deadline_s:.0f} s: {what} (last: {found!r})"
        time.sleep(interval_s)
    return found
