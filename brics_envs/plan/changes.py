"""The least that makes what runs equal to its inputs. Pure. May import: config, plan.

Contents of ConfigMaps and Secrets are put in place, and the containers that read them restarted; a changed image or
pod specification replaces the pod. Which keys a container reads, the pod says itself: ``items`` of a volume.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from brics_envs.config.environment import SLURM_FILES
from brics_envs.plan.digests import Digests, Item, changed_inputs
from brics_envs.plan.overlay import Document, references, the_pod

SLURM = "slurm"
"""The container whose end ends the running jobs."""
RELOADED = frozenset(SLURM_FILES)
"""Keys of what that container takes without being started again."""


READ_WHEN_NEEDED = frozenset({"announcement"})
"""Volumes of the pod whose readers look into them whenever they need to."""


@dataclass(frozen=True)
class Change:
    """What has to be done to a pod that is there.

    :param why: lines for the user: what has changed.
    :param replace: whether the pod is made anew; otherwise what follows is done to it.
    :param contents: (kind, name) of the ConfigMaps and Secrets whose contents are put in place.
    :param reload: whether Slurm has to read its configuration again.
    :param restart: names of the containers that are started again, in the pod's order.
    """

    why: tuple[str, ...] = ()
    replace: bool = False
    contents: tuple[tuple[str, str], ...] = ()
    restart: tuple[str, ...] = ()
    reload: bool = False

    def __bool__(self) -> bool:
        return self.replace or bool(self.contents or self.restart)


NOTHING = Change()


def change_of(
    manifest: list[Document], before: Digests | None, now: Digests, states: Collection[tuple[str, bool]]
) -> Change:
    """What makes a pod equal to its inputs.

    :param manifest: as it is to be.
    :param before: what the pod was made from, and what was put in place since; none if nobody knows.
    :param now: the digests of the manifest and its images.
    :param states: container → whether it runs.
    """
    if before is None:
        return Change(("changed: no record of what the pod was made from",), replace=True)
    changed = changed_inputs(before, now)
    why = (f"changed: {', '.join(map(str, changed))}",) if changed else ()
    ended = [name for name, runs in states if not runs]
    if len(ended) == len(states):
        return Change((*why, "the pod is not running"), replace=True)
    readers = [readers_of(the_pod(manifest), item) for item in changed]
    if None in readers:
        return Change(why, replace=True)
    reloaded = [
        item.key in RELOADED and found == {SLURM} for item, found in zip(changed, readers, strict=True)
    ]
    readers = [found for found, is_reloaded in zip(readers, reloaded, strict=True) if not is_reloaded]
    concerned = {name for found in readers if found for name in found} | set(ended)
    return Change(
        (*why, *(f"container {name} is not running" for name in ended)),
        contents=tuple(dict.fromkeys((item.kind, item.name) for item in changed)),
        restart=tuple(c["name"] for c in the_pod(manifest)["spec"]["containers"] if c["name"] in concerned),
        reload=any(reloaded) and SLURM not in concerned,
    )


def readers_of(pod: Document, item: Item) -> set[str] | None:
    """The containers that read an item when they start; none if a change of it makes another pod.

    Init containers have done their work when the others start: what they read makes another pod, too.
    """
    if item.kind not in ("ConfigMap", "Secret"):
        return None
    volumes = set(_volumes_with(pod, item)) - READ_WHEN_NEEDED
    spec = pod["spec"]
    if any(_mounts(container, volumes) for container in spec.get("initContainers", ())):
        return None
    return {container["name"] for container in spec["containers"] if _mounts(container, volumes)}


def ends_jobs(change: Change, containers: Sequence[str]) -> bool:
    """Whether running jobs end by it; where Slurm is elsewhere, none does.

    :param containers: of the pod.
    """
    return SLURM in (containers if change.replace else change.restart)


def action_words(change: Change) -> str:
    """What is done, for the user."""
    if change.replace:
        return "replacing the pod"
    restart = f"restarting {', '.join(change.restart)}" if change.restart else "nothing has to be restarted"
    if change.reload:
        restart = f"Slurm reads its configuration again, {restart}"
    return f"put in place; {restart}" if change.contents else restart


def _volumes_with(pod: Document, item: Item) -> Iterator[str]:
    named = {
        id(holder) for kind, holder, key in references(pod) if (kind, holder[key]) == (item.kind, item.name)
    }
    for volume in pod["spec"].get("volumes", ()):
        for source in (volume.get("configMap"), volume.get("secret")):
            if source is None or id(source) not in named:
                continue
            keys = [entry["key"] for entry in source.get("items", ())]
            if not keys or item.key in keys:
                yield volume["name"]


def _mounts(container: Document, volumes: Collection[str]) -> bool:
    return any(mount["name"] in volumes for mount in container.get("volumeMounts", ()))
