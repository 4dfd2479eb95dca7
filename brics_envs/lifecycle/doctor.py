"""``invoke doctor``: what the machine lacks or has too old, and the fix. May import: errors, effects."""

from __future__ import annotations

from pathlib import Path

from brics_envs.effects.machine import Fact, examine
from brics_envs.errors import EnvsError

MARKS = {"ok": "ok", "lacks": "lacking", "old": "too old", "cannot": "not usable"}


def doctor(root: Path) -> None:
    """Print what the project needs of this machine, line by line; changes nothing.

    :param root: the project's checkout.
    :raises EnvsError: something is lacking or too old.
    """
    facts = examine(root)
    for line in lines(facts):
        print(line)
    wrong = [fact for fact in facts if not fact.is_fine]
    if wrong:
        hint = "run ./bootstrap true" if any("./bootstrap true" in fact.fix for fact in wrong) else ""
        raise EnvsError(f"this machine is not ready: {', '.join(fact.name for fact in wrong)}", hint=hint)


def lines(facts: list[Fact]) -> list[str]:
    """Return a line for each fact, with the fix where there is one to make."""
    width = max((len(fact.name) for fact in facts), default=0)
    return [
        f"{MARKS[fact.state]:<10}  {fact.name:<{width}}  {fact.found}" + (f"; {fact.fix}" if fact.fix else "")
        for fact in facts
    ]
