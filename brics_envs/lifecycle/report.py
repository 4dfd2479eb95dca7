"""Progress of long work, on standard error: every step by name, with the seconds that it took.

May import: nothing of the project.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

_console = Console(stderr=True, highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """One line of progress; may be called from any thread."""
    _console.print(f"  {escape(message)}")


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Show that a step is going on, and, when it has ended, how long it took.

    A terminal gets a spinner while it lasts; anything else one line when it ends.
    """
    began = time.monotonic()
    try:
        with _console.status(escape(title)):
            yield
    except BaseException:
        _console.print(f"  [red]✗[/red] {escape(title)} [dim]{time.monotonic() - began:.1f} s[/dim]")
        raise
    _console.print(f"  [green]✓[/green] {escape(title)} [dim]{time.monotonic() - began:.1f} s[/dim]")
