"""A question at a terminal, and none without one."""

import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from brics_envs.effects import terminal


@contextmanager
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Standard input and standard error are a terminal's; what is typed there is written to the descriptor."""
    person, ours = pty.openpty()
    with os.fdopen(ours) as read, os.fdopen(os.dup(ours), "w", buffering=1) as written:
        monkeypatch.setattr(sys, "stdin", read)
        monkeypatch.setattr(sys, "stderr", written)
        yield person
    os.close(person)


@pytest.mark.parametrize(
    ("typed", "agrees"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("\x04", False)]
)
def test_only_yes_is_yes(monkeypatch: pytest.MonkeyPatch, typed: str, agrees: bool) -> None:
    with at_a_terminal(monkeypatch) as person:
        assert terminal.is_there()
        os.write(person, typed.encode())
        assert terminal.agrees("End these jobs?") is agrees
        shown = ""
        while (
            "End these jobs? [y/N]" not in shown
        ):  # a terminal gives its echo and what is written bit by bit
            shown += os.read(person, 1000).decode()


def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    with at_a_terminal(monkeypatch), open(os.devnull) as nothing:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", nothing)
        assert not terminal.is_there()
