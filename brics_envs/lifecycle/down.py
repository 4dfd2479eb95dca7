"""``invoke down``: remove what ``up`` made, found by label or by contract name.

May import: errors, config, plan, effects, lifecycle.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from brics_envs.config.options import DEFAULT_INSTANCE
from brics_envs.effects.files import locked
from brics_envs.effects.podman import podman_json, require_podman
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.apply import apply
from brics_envs.lifecycle.observe import labelled_volumes, observe_names, observe_pods
from brics_envs.plan.images import KINDS
from brics_envs.plan.names import LABEL_INSTANCE, OURS, Instance, image_tag
from brics_envs.plan.steps import down_steps

LOCK_DEADLINE_S = 5.0


def down(root: Path, instance: Instance, *, keep_volumes: bool) -> str:
    """Remove an instance; there is nothing wrong with removing one that is not there. Returns what to tell."""
    require_podman()
    directory = instance.directory(root)
    had_files = directory.exists()
    with locked(directory / "lock", LOCK_DEADLINE_S):
        steps = down_steps(
            instance,
            observe_names(),
            labelled_volumes(instance),
            _own_images(instance),
            keep_volumes=keep_volumes,
        )
        apply(steps)
        if not (keep_volumes and had_files):
            _remove_directory(directory)
    if not steps and not had_files:
        return f"instance {instance.name}: nothing was up"
    return f"instance {instance.name} is down" + ("; its volumes are kept" if keep_volumes else "")


def down_all(root: Path, *, keep_volumes: bool) -> str:
    """Remove every instance of which anything is found: pods, volumes, networks or files.

    :raises EnvsError: some could not be removed; all others were.
    """
    require_podman()
    said, problems = [], []
    for instance in known_instances(root):
        try:
            said.append(down(root, instance, keep_volumes=keep_volumes))
        except EnvsError as error:
            problems.append(error)
    if problems:
        raise EnvsError("\n".join([*(error.message for error in problems), *said]), hint=problems[0].hint)
    return "\n".join(said)


def known_instances(root: Path) -> list[Instance]:
    """Every instance that has a pod, a volume, a network or generated files; the default one always, first."""
    names = {pod.instance.name for pod in observe_pods()}
    for kind, key in (("volume", "Labels"), ("network", "labels")):
        entries: list[dict[str, Any]] = podman_json(kind, "ls", "--format", "json", *OURS)
        names |= {entry[key][LABEL_INSTANCE] for entry in entries if LABEL_INSTANCE in (entry[key] or {})}
    if (root / "_build").is_dir():
        names |= {path.name for path in (root / "_build").iterdir() if path.is_dir()}
    return [Instance(), *(Instance(name) for name in sorted(names - {DEFAULT_INSTANCE}))]


def _own_images(instance: Instance) -> list[str]:
    """The image tags that a named instance has for itself."""
    if instance == Instance():
        return []
    own = {image_tag(name, instance.image_tag(stage)) for name in KINDS for stage in ("dev", "prod")}
    images: list[dict[str, Any]] = podman_json("images", "--format", "json")
    # Each once, though podman lists an image with all its names once for every name: of a name given twice it would
    # think that it is two, and remove the image with another instance's name on it.
    return sorted(own & {name for image in images for name in image.get("Names") or ()})


def _remove_directory(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
        if not any(directory.parent.iterdir()):
            directory.parent.rmdir()
    except OSError as error:
        raise EnvsError(f"{error.filename}: cannot be removed: {error.strerror}") from error
