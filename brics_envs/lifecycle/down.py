"""``invoke down``: remove what ``up`` made, and nothing else. May import: errors, config, plan, effects, lifecycle."""

from __future__ import annotations

import shutil
from pathlib import Path

from brics_envs.config.options import DEFAULT_INSTANCE
from brics_envs.effects.checkouts import forget_images, images_of_others, instance_lock, read_checkout
from brics_envs.effects.containers import listed
from brics_envs.effects.podman import require_podman
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.applied import forget_applied, has_files
from brics_envs.lifecycle.apply import apply
from brics_envs.lifecycle.inventory import observe_inventory
from brics_envs.lifecycle.observe import observe_pods
from brics_envs.lifecycle.units import refuse_running_service, remove_unit
from brics_envs.plan.names import LABEL_CHECKOUT, LABEL_FOLDER, LABEL_INSTANCE, Instance
from brics_envs.plan.ownership import Existing, refuse_other_checkout
from brics_envs.plan.steps import down_steps


def down(root: Path, instance: Instance, *, keep_volumes: bool, force: bool) -> str:
    """Remove an instance; there is nothing wrong with removing one that is not there. Returns what to tell.

    :param force: whether to remove one of another checkout too.
    :raises ConfigError: it is another checkout's.
    """
    require_podman()
    directory = instance.directory(root)
    with instance_lock(instance):
        had_files = directory.exists()
        inventory = observe_inventory(instance, read_checkout(root), adopts_unmarked=has_files(directory))
        if not force:
            refuse_other_checkout(inventory)
        refuse_running_service(instance, "`invoke down` again")
        unit = remove_unit(instance)
        existing = Existing((*inventory.own.things, *inventory.others.things))
        images = set(inventory.images) - images_of_others(root) if instance != Instance() else ()
        steps = down_steps(existing, sorted(images), keep_volumes=keep_volumes)
        apply(steps)
        forget_images(root, images)
        forget_applied(instance)
        if had_files and not keep_volumes:
            _remove_directory(directory)
    if not steps and not had_files:
        said = f"instance {instance.name}: nothing was up"
    else:
        said = f"instance {instance.name} is down" + ("; its volumes are kept" if keep_volumes else "")
    return f"{said}\n{unit}" if unit else said


def down_all(root: Path, *, keep_volumes: bool) -> str:
    """Remove every instance of this checkout of which anything is found: pods, volumes, networks or files.

    :raises EnvsError: some could not be removed; all others were.
    """
    require_podman()
    said, problems = [], []
    for instance in known_instances(root):
        try:
            said.append(down(root, instance, keep_volumes=keep_volumes, force=False))
        except EnvsError as error:
            problems.append(error)
    if problems:
        raise EnvsError("\n".join([*(error.message for error in problems), *said]), hint=problems[0].hint)
    return "\n".join(said) or "nothing of this checkout was up"


def known_instances(root: Path) -> list[Instance]:
    """Every instance of this checkout that has a pod, a volume, a network or files.

    The default one comes first, and is among them unless it is another checkout's.
    """
    checkout = read_checkout(root)
    labels = [pod.labels for pod in observe_pods()]
    labels += [entry.get("Labels") or {} for entry in listed("volumes", ours=True)]
    labels += [entry.get("labels") or {} for entry in listed("networks", ours=True)]
    every, own = set(), set()
    for found in labels:
        if name := found.get(LABEL_INSTANCE):
            every.add(name)
            is_here = found.get(LABEL_FOLDER) == str(checkout.folder)
            if is_here or (checkout.id and found.get(LABEL_CHECKOUT) == checkout.id):
                own.add(name)
    if (root / "_build").is_dir():
        own |= {path.name for path in (root / "_build").iterdir() if path.is_dir()}
    own |= {DEFAULT_INSTANCE} - every
    return [Instance(name) for name in sorted(own, key=lambda name: (name != DEFAULT_INSTANCE, name))]


def _remove_directory(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
        if not any(directory.parent.iterdir()):
            directory.parent.rmdir()
    except OSError as error:
        raise EnvsError(f"{error.filename}: cannot be removed: {error.strerror}") from error
