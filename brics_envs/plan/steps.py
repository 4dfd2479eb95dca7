"""What to do to make an instance run: steps as data, to be printed or carried out. Pure. May import: plan.

Volumes keep their contents: they are created only if missing. Their initial contents, which are directories, are
imported every time, so that an import that was interrupted is made good.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from brics_envs.plan.names import GENERATED_CONFIG_MAPS, PERSISTENT_VOLUMES, Instance
from brics_envs.plan.overlay import Document, names_of
from brics_envs.plan.secrets import SECRETS

STOP_S = 10
"""Seconds that containers get to end by themselves."""


@dataclass(frozen=True)
class Step:
    """One podman command; ``stdin`` is what it reads, ``tries`` how often it is tried before it counts as failed."""

    title: str
    args: tuple[str, ...]
    stdin: bytes = field(default=b"", repr=False)
    tries: int = 1

    def __str__(self) -> str:
        return f"{self.title}: podman {shlex.join(self.args)}"


@dataclass(frozen=True)
class ExistingNames:
    """Names of what podman has, of any project."""

    pods: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()


def up_steps(
    instance: Instance,
    manifest: list[Document],
    manifest_file: Path,
    archives: Mapping[str, bytes],
    existing: ExistingNames,
) -> list[Step]:
    """The steps that replace what runs of an instance by its manifest.

    :param manifest_file: where the manifest is when the steps are carried out.
    :param archives: volume, by its name in the overlay → tar archive of its initial contents.
    """
    steps = remove_pod_steps(instance, existing)
    if instance.network not in existing.networks:
        # No DNS: the pod's containers share one network namespace, and names outside are the host's to resolve.
        steps.append(
            Step("network", ("network", "create", "--disable-dns", *label_args(instance), instance.network))
        )
    archive_of = {instance.named(base): archive for base, archive in archives.items()}
    for name in names_of(manifest, "PersistentVolumeClaim"):
        if name not in existing.volumes:
            steps.append(Step(f"volume {name}", ("volume", "create", *label_args(instance), name)))
        if name in archive_of:
            steps.append(
                Step(f"contents of volume {name}", ("volume", "import", name, "-"), archive_of[name])
            )
    play = ("kube", "play", "--network", instance.network, str(manifest_file))
    return [*steps, Step(f"pod {instance.pod}", play)]


def remove_pod_steps(instance: Instance, existing: ExistingNames) -> list[Step]:
    """The steps that remove an instance's pod and what ``kube play`` made of its ConfigMaps and Secrets.

    podman keeps a volume for each of these, and would use it again with keys that are no longer in the manifest.
    """
    steps = []
    if instance.pod in existing.pods:
        remove = ("pod", "rm", "--force", "--ignore", "--time", str(STOP_S), instance.pod)
        # podman stumbles over a container that ends, or is started again, at the same moment.
        steps.append(Step(f"remove pod {instance.pod}", remove, tries=3))
    generated = [instance.named(name) for name in (*GENERATED_CONFIG_MAPS, *SECRETS)]
    volumes = [name for name in generated if name in existing.volumes]
    if volumes:
        steps.append(Step("remove old ConfigMaps and Secrets", ("volume", "rm", "--force", *volumes)))
    secrets = [name for name in generated if name in existing.secrets]
    if secrets:
        steps.append(Step("remove old secrets", ("secret", "rm", *secrets)))
    return steps


def down_steps(
    instance: Instance,
    existing: ExistingNames,
    labelled_volumes: list[str],
    images: list[str],
    *,
    keep_volumes: bool,
) -> list[Step]:
    """The steps that remove an instance.

    :param labelled_volumes: volumes with this instance's labels.
    :param images: the tags that only this instance uses.
    """
    steps = remove_pod_steps(instance, existing)
    if not keep_volumes:
        named = {instance.named(name) for name in PERSISTENT_VOLUMES} & existing.volumes
        volumes = sorted(named | set(labelled_volumes))
        if volumes:
            steps.append(Step(f"remove volumes {', '.join(volumes)}", ("volume", "rm", "--force", *volumes)))
    if instance.network in existing.networks:
        steps.append(Step("remove network", ("network", "rm", "--force", instance.network)))
    if images:
        steps.append(Step(f"remove images {', '.join(images)}", ("rmi", *images)))
    return steps


def label_args(instance: Instance) -> tuple[str, ...]:
    """podman's arguments that label something as this instance's."""
    return tuple(arg for key, value in instance.labels.items() for arg in ("--label", f"{key}={value}"))
