"""The names of what podman has, and the carrying out of steps. May import: plan, effects, lifecycle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from brics_envs.effects.podman import podman, podman_json
from brics_envs.effects.process import Completed
from brics_envs.lifecycle.observe import OURS
from brics_envs.lifecycle.report import step
from brics_envs.plan.apply import Existing, Step
from brics_envs.plan.names import LABEL_INSTANCE, Instance

STEP_DEADLINE_S = 300.0
"""Seconds for one step; removing a pod waits for its processes, importing moves little."""


def existing() -> Existing:
    """The names of all pods, volumes, secrets and networks, of any project."""
    return Existing(
        pods=_names(podman_json("pod", "ps", "--format", "json")),
        volumes=_names(podman_json("volume", "ls", "--format", "json")),
        secrets=frozenset(podman("secret", "ls", "--format", "{{.Name}}").stdout.split()),
        networks=_names(podman_json("network", "ls", "--format", "json"), "name"),
    )


def labelled_volumes(instance: Instance) -> list[str]:
    """The volumes that carry the instance's labels."""
    filters = ("--filter", f"label={LABEL_INSTANCE}={instance.name}", *OURS)
    return sorted(_names(podman_json("volume", "ls", "--format", "json", *filters)))


def carry_out(steps: Iterable[Step]) -> None:
    """Do the steps, one after the other, showing each.

    :raises CommandError: a step failed; those before it stay done.
    """
    for planned in steps:
        with step(planned.title):
            for attempt in range(1, planned.tries + 1):
                last = attempt == planned.tries
                if _podman(planned, check=last).status == 0:
                    break


def _podman(planned: Step, *, check: bool) -> Completed:
    return podman(*planned.args, stdin=planned.stdin, timeout_s=STEP_DEADLINE_S, check=check)


def _names(answer: list[dict[str, Any]], key: str = "Name") -> frozenset[str]:
    return frozenset(entry[key] for entry in answer)
