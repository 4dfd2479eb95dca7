"""A row of the table of faults: what is done, what is expected, what is checked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.integration.faults.scene import Scene

Cause = Callable[[Scene], AbstractContextManager[None]]
"""What is done: the fault lasts as long as the ``with`` block."""


@dataclass(frozen=True)
class Check:
    """Something that is looked at on the running pod; raises AssertionError if it is not as the words say."""

    words: str
    assertion: Callable[[Scene], None]


@dataclass(frozen=True)
class Fault:
    """A row of the table.

    ``name`` is the test's ID, ``done`` and ``expected`` are for the page. A row that is ``full`` takes long and runs
    in ``nox -s full`` only; one that ``ends_work`` ends the server of the user at work, who starts another afterwards.
    """

    name: str
    done: str
    expected: str
    cause: Cause
    during: tuple[Check, ...] = ()
    after: tuple[Check, ...] = ()
    full: bool = False
    ends_work: bool = False


GOES_ON = "comes back; the notebook goes on"
WAITS = "nothing is lost; what was asked meanwhile is answered"
