"""What would stop rootless podman later, found before the first build. May import: errors, plan, effects, report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from brics_envs.effects.machine import CONTROLLERS, Fact, examine
from brics_envs.effects.podman import is_remote
from brics_envs.effects.systemd import is_user
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.report import say
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.overlay import Document


def check_machine(desired: DesiredState) -> None:
    """Say what a user's podman is limited in; nothing where podman is root's, or elsewhere.

    :raises EnvsError: the environment cannot run here, with every reason.
    """
    if not is_user() or is_remote():
        return
    facts = examine(desired.environment.root)
    limits = limited_resources(desired.overlay.pod)
    if reasons := list(obstacles(facts, limits)):
        raise EnvsError("\n".join(reasons), hint="`invoke doctor` lists everything that this machine lacks")
    for fact in facts:
        if fact.state == "note" and (limits or fact.name != CONTROLLERS):
            say(fact.fix)


def obstacles(facts: Sequence[Fact], limits: set[str]) -> Iterator[str]:
    """Why it cannot work.

    :param facts: of the machine, as a user sees it.
    :param limits: the resources that containers are limited in.
    """
    for fact in facts:
        if fact.state == "cannot":
            yield fact.fix
        # With cgroup v1 podman ignores limits; with v2 containers do not start that have one it cannot set.
        elif (
            fact.name == CONTROLLERS
            and fact.found != "cgroup v1"
            and (missing := limits - set(fact.found.split()))
        ):
            yield f"containers have limits of {' and '.join(sorted(missing))}: {fact.fix}"


def limited_resources(pod: Document) -> set[str]:
    """The resources with a cgroup controller in which any container of a pod is limited."""
    containers = (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])
    limits = {name for one in containers for name in one.get("resources", {}).get("limits", {})}
    return limits & {"cpu", "memory"}
