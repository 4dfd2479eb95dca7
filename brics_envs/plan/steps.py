"""What to do to make an instance run: steps as data, to be printed or carried out. Pure. May import: plan.

Volumes keep their contents: they are created only if missing. Their initial contents, which are directories, are
imported every time, so that an import that was interrupted is made good.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from brics_envs.plan.names import CONFIGURATION, IMAGE_PREFIX, LABEL_CONTENTS, Checkout, Instance
from brics_envs.plan.overlay import Document, names_of, the_pod
from brics_envs.plan.ownership import Existing, Kind, Thing
from brics_envs.plan.volume_commands import import_arguments

STOP_S = 10
"""Seconds that containers get to end by themselves."""


@dataclass(frozen=True)
class Step:
    """One podman command; ``stdin`` is what it reads, ``tries`` how often it is tried before it counts as failed.

    :param optional: whether everything works without it, if less well, where podman cannot do it.
    """

    title: str
    args: tuple[str, ...]
    stdin: bytes = field(default=b"", repr=False)
    tries: int = 1
    optional: bool = False

    def __str__(self) -> str:
        # A program among them takes many lines.
        args = ("…" if "\n" in arg else arg for arg in self.args)
        return f"{self.title}: podman {shlex.join(args)}"


def up_steps(
    instance: Instance,
    checkout: Checkout,
    manifest: list[Document],
    manifest_file: Path,
    archives: Mapping[str, bytes],
    existing: Existing,
    volume_image: str = "",
) -> list[Step]:
    """The steps that replace what runs of an instance by its manifest.

    :param manifest_file: where the manifest is when the steps are carried out.
    :param archives: volume, by its name in the overlay → tar archive of its initial contents.
    :param existing: the instance's own things.
    :param volume_image: as for :func:`import_arguments`.
    """
    steps = remove_pod_steps(existing)
    labels = instance.labels | checkout.labels
    if not existing.has("network", instance.network):
        marks = (arg for key, value in labels.items() for arg in ("--label", f"{key}={value}"))
        # No DNS: the pod's containers share one network namespace, and names outside are the host's to resolve.
        steps.append(Step("network", ("network", "create", "--disable-dns", *marks, instance.network)))
    claims = names_of(manifest, "PersistentVolumeClaim")
    missing = [name for name in claims if not existing.has("volume", name)]
    # Before the pod, which would make the volumes of ConfigMaps and Secrets without labels.
    configuration = [*names_of(manifest, "ConfigMap"), *names_of(manifest, "Secret")]
    documents = [
        *volume_claims(missing, labels),
        *volume_claims(configuration, labels | {LABEL_CONTENTS: CONFIGURATION}),
    ]
    title = "volumes of ConfigMaps and Secrets"
    if missing:
        title = f"volumes {', '.join(missing)}, and {title}"
    # Without a network named, podman makes its shared one and leaves it, even for volumes alone.
    play = ("kube", "play", "--network", instance.network)
    steps.append(Step(title, (*play, "-"), yaml.safe_dump_all(documents).encode()))
    archive_of = {instance.named(base): archive for base, archive in archives.items()}
    for name in claims:
        if name in archive_of:
            contents = import_arguments(name, volume_image)
            steps.append(Step(f"contents of volume {name}", contents, archive_of[name]))
    steps.append(Step(f"pod {instance.pod}", (*play, str(manifest_file))))
    return [*steps, *cpu_share_steps(instance, manifest)]


def cpu_share_steps(instance: Instance, manifest: list[Document]) -> list[Step]:
    """The steps that give containers their share of busy CPUs, by ``resources.requests.cpu``.

    Kubernetes does so by itself, ``kube play`` does not. Rootless podman cannot without the cgroup controller.
    """
    containers = the_pod(manifest)["spec"]["containers"]
    requests = {one["name"]: one.get("resources", {}).get("requests", {}).get("cpu") for one in containers}
    return [
        Step(
            f"CPU share of {name}",
            ("update", "--cpu-shares", str(cpu_shares(str(cpu))), instance.container(name)),
            optional=True,
        )
        for name, cpu in requests.items()
        if cpu is not None
    ]


def cpu_shares(cpu: str) -> int:
    """The CPU shares (a container has 1024 unless told otherwise) of a request such as ``0.5`` or ``500m``.

    As kubelet has them, of which the least is 2.
    """
    cpus = float(cpu.removesuffix("m")) / 1000 if cpu.endswith("m") else float(cpu)
    return max(2, int(cpus * 1024))


def wanted_names(instance: Instance, manifest: list[Document]) -> set[tuple[Kind, str]]:
    """(kind, name) of all that :func:`up_steps` makes, and of the images that the project builds for it."""
    containers = the_pod(manifest)["spec"]["containers"]
    configuration = [*names_of(manifest, "ConfigMap"), *names_of(manifest, "Secret")]
    by_kind: dict[Kind, Iterable[str]] = {
        "pod": [instance.pod],
        "container": [instance.container(container["name"]) for container in containers],
        "network": [instance.network],
        "volume": [*names_of(manifest, "PersistentVolumeClaim"), *configuration],
        "secret": names_of(manifest, "Secret"),
        "image": [c["image"] for c in containers if c["image"].startswith(IMAGE_PREFIX)],
    }
    return {(kind, name) for kind, names in by_kind.items() for name in names}


def volume_claims(names: Iterable[str], labels: Mapping[str, str]) -> list[Document]:
    """Claims for which ``kube play`` makes volumes with these labels."""
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "labels": dict(labels)},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        for name in names
    ]


def remove_pod_steps(existing: Existing) -> list[Step]:
    """The steps that remove an instance's pod and what ``kube play`` made of its ConfigMaps and Secrets.

    podman keeps a volume for each of these, and would use it again with keys that are no longer in the manifest.
    """
    # podman stumbles over a container that ends, or is started again, at the same moment.
    steps = [
        Step(f"remove pod {name}", ("pod", "rm", "--force", "--ignore", "--time", str(STOP_S), name), tries=3)
        for name in existing.names("pod")
    ]
    volumes = [t.name for t in existing.things if t.kind == "volume" and is_configuration(t)]
    if volumes:
        steps.append(Step("remove old ConfigMaps and Secrets", ("volume", "rm", "--force", *volumes)))
    if secrets := existing.names("secret"):
        steps.append(Step("remove old secrets", ("secret", "rm", *secrets)))
    return steps


def down_steps(existing: Existing, images: list[str], *, keep_volumes: bool) -> list[Step]:
    """The steps that remove an instance.

    :param existing: what is to go.
    :param images: the tags that only this instance uses.
    """
    steps = remove_pod_steps(existing)
    volumes = [t.name for t in existing.things if t.kind == "volume" and not is_configuration(t)]
    if volumes and not keep_volumes:
        steps.append(Step(f"remove volumes {', '.join(volumes)}", ("volume", "rm", "--force", *volumes)))
    if networks := existing.names("network"):
        steps.append(Step("remove network", ("network", "rm", "--force", *networks)))
    if images:
        steps.append(Step(f"remove images {', '.join(images)}", ("rmi", *images)))
    return steps


def is_configuration(volume: Thing) -> bool:
    """Whether a volume holds a ConfigMap or a Secret, and no state that outlives the pod."""
    return volume.labels.get(LABEL_CONTENTS) == CONFIGURATION
