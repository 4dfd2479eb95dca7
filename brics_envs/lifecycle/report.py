"""Progress of long work, on standard error: every step by name, with the seconds that it took.

A terminal also sees what passes by while a step lasts; a log file gets a line for each thing that was done.

May import: nothing of the project.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.status import Status

_console = Console(stderr=True, highlight=False, soft_wrap=True)
_going_on: list[tuple[str, Status]] = []
"""The steps that go on, with their spinners; the innermost last."""


def say(message: str) -> None:
    """One line of progress; may be called from any thread."""
    _console.print(f"  {escape(message)}")


def passing(message: str) -> None:
    """What matters only while it lasts (percentages, downloaded layers); may be called from any thread."""
    for title, status in _going_on[-1:]:
        status.update(f"{escape(title)} [dim]{escape(message)}[/dim]")


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Show that a step is going on, and, when it has ended, how long it took.

    A terminal gets a spinner while it lasts; anything else one line when it ends.
    """
    began = time.monotonic()
    try:
        with _console.status(escape(title)) as status:
            _going_on.append((title, status))
            try:
                yield
            finally:
                _going_on.pop()
    except BaseException:
        _console.print(f"  [red]✗[/red] {escape(title)} [dim]{time.monotonic() - began:.1f} s[/dim]")
        raise
    _console.print(f"  [green]✓[/green] {escape(title)} [dim]{time.monotonic() - began:.1f} s[/dim]")
