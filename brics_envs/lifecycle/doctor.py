"""``invoke doctor``: what the machine lacks or has too old, and the fix. May import: errors, plan, effects."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from brics_envs.effects.images import facts_of, present_images
from brics_envs.effects.machine import Fact, examine
from brics_envs.errors import EnvsError

MARKS = {"ok": "ok", "lacks": "lacking", "old": "too old", "cannot": "not usable", "note": "note"}


def doctor(root: Path) -> None:
    """Print what the project needs of this machine, line by line; changes nothing.

    :param root: the project's checkout.
    :raises EnvsError: something is lacking or too old.
    """
    facts = examine(root)
    for line in (*lines(facts), *image_lines()):
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


def image_lines() -> list[str]:
    """Return a line for each image of this project: its age, what it is made of, and how to take security updates."""
    try:
        present = {n: image.id for n, image in present_images().items() if image.inputs and n != image.id}
        facts = facts_of(set(present.values()))
    except (EnvsError, ValueError):
        # What is wrong with podman has been told.
        return []
    now = datetime.now(UTC)
    return [
        f"{'aged' if facts[image].is_old(now) else 'ok':<10}  image {name}  {facts[image].words(now)}"
        + ("; `invoke build --env ENV --refresh` takes security updates" if facts[image].is_old(now) else "")
        for name, image in sorted(present.items())
        if image in facts and "@" not in name
    ]
