"""Ask who sits at the terminal, if there is one. May import: effects.interrupts."""

from __future__ import annotations

import select
import sys

from brics_envs.effects import interrupts

POLL_S = 0.2


def is_there() -> bool:
    """Whether somebody can read a question and answer it."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def agrees(question: str) -> bool:
    """Whether the answer is yes; anything else, and no answer, is no.

    :raises KeyboardInterrupt: as :func:`interrupts.sleep`.
    """
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        interrupts.sleep(POLL_S)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
