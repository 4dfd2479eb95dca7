"""Carry out the steps that were planned. May import: plan, effects, lifecycle."""

from __future__ import annotations

from collections.abc import Iterable

from brics_envs.effects.podman import podman
from brics_envs.effects.process import Completed
from brics_envs.lifecycle.report import say, step
from brics_envs.plan.steps import Step

STEP_DEADLINE_S = 300.0
"""Seconds for one step; removing a pod waits for its processes, importing moves little."""


def apply(steps: Iterable[Step]) -> None:
    """Do the steps, one after the other, showing each.

    :raises CommandError: a step failed; those before it stay done.
    """
    for planned in steps:
        with step(planned.title):
            for attempt in range(1, planned.tries + 1):
                last = attempt == planned.tries
                if _podman(planned, check=last and not planned.optional).status == 0:
                    break
            else:
                say(f"{planned.title}: podman cannot set it here; everything still works")


def _podman(planned: Step, *, check: bool) -> Completed:
    return podman(*planned.args, stdin=planned.stdin, timeout_s=STEP_DEADLINE_S, check=check)
