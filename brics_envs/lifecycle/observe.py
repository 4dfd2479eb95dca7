"""What runs, as podman tells: pods and their containers.

May import: errors, config, plan, effects, lifecycle.applied.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from brics_envs.config.options import DEFAULT_INSTANCE
from brics_envs.effects.containers import inspected, listed
from brics_envs.effects.podman import require_podman
from brics_envs.errors import ConfigError, EnvsError
from brics_envs.lifecycle.applied import OLD_FILE, load_applied
from brics_envs.plan.names import (
    ANNOTATION_RECORD,
    FIREWALL_CONTAINER,
    LABEL_ENVIRONMENT,
    LABEL_INSTANCE,
    Instance,
)
from brics_envs.plan.record import Record, parse_record


@dataclass(frozen=True)
class ContainerState:
    """One container of a pod.

    ``name`` as in the manifest, ``state`` in podman's words (``running``, ``exited``), ``started`` in seconds since
    1970.
    """

    name: str
    image: str
    image_id: str
    state: str
    restarts: int
    started: float


@dataclass(frozen=True)
class PodState:
    """A pod of this project.

    ``created`` is in seconds since 1970, ``ports`` are those that it holds on the host now, ``id`` is podman's.
    """

    instance: Instance
    environment: str
    name: str
    created: float
    labels: dict[str, str]
    containers: tuple[ContainerState, ...]
    ports: frozenset[int]
    id: str = ""

    @property
    def running(self) -> bool:
        """Whether it has containers, and every one of them runs."""
        return bool(self.containers) and all(container.state == "running" for container in self.containers)


def observe_pods() -> list[PodState]:
    """All pods of this project, found by their label; the default instance first."""
    containers = listed("containers", ours=True)
    pods = [_pod(entry, containers) for entry in listed("pods", ours=True)]
    return sorted(pods, key=lambda pod: (pod.instance.name != DEFAULT_INSTANCE, pod.instance.name))


def observe_pod(instance: Instance) -> PodState | None:
    """The instance's pod, if there is one."""
    return next((pod for pod in observe_pods() if pod.instance == instance), None)


def running_pod(instance: Instance) -> PodState:
    """The instance's pod, of a machine with podman.

    :raises EnvsError: there is none.
    """
    require_podman()
    pod = observe_pod(instance)
    if pod is None:
        raise EnvsError(f"instance {instance.name} is not up", hint="`invoke status` shows what is up")
    return pod


def container_of(pod: PodState, name: str) -> str:
    """The name of a container, if the pod has it.

    :raises ConfigError: it does not; lists those that it has.
    """
    names = [container.name for container in pod.containers]
    if name not in names:
        raise ConfigError(
            f"--container: {name!r} is not in pod {pod.name}", hint=f"choose one of {', '.join(names)}"
        )
    return name


def observe_record(pod: PodState, directory: Path) -> Record | None:
    """What an instance was made as; none if nothing tells.

    :param directory: ``_build/NAME``, where older versions kept it.
    """
    if applied := load_applied(pod.instance, pod.labels):
        return applied.record
    names = [pod.instance.container(container.name) for container in pod.containers]
    entries = filter(None, (inspected("containers", name) for name in names))
    kept = [(entry["Config"].get("Annotations") or {}).get(ANNOTATION_RECORD, "") for entry in entries]
    with contextlib.suppress(OSError):
        kept.append((directory / OLD_FILE).read_text())
    return next((record for record in map(parse_record, kept) if record), None)


def _pod(entry: dict[str, Any], containers: list[dict[str, Any]]) -> PodState:
    labels: dict[str, str] = entry["Labels"] or {}
    own = [c for c in containers if c["PodName"] == entry["Name"] and not c["IsInfra"]]
    # podman shows an init container as any other, and it is not to run.
    own = [c for c in own if c["Names"] != [f"{entry['Name']}-{FIREWALL_CONTAINER}"]]
    return PodState(
        Instance(labels.get(LABEL_INSTANCE, DEFAULT_INSTANCE)),
        labels.get(LABEL_ENVIRONMENT, ""),
        entry["Name"],
        # podman writes nanoseconds, of which Python 3.11 reads the first six digits only.
        datetime.fromisoformat(re.sub(r"\.\d+", "", entry["Created"])).timestamp(),
        labels,
        tuple(sorted((_container(c, entry["Name"]) for c in own), key=lambda container: container.name)),
        _ports(entry, own),
        entry["Id"],
    )


def _ports(entry: dict[str, Any], containers: list[dict[str, Any]]) -> frozenset[int]:
    # The infrastructure's container holds them, whatever has become of the others.
    if not any(c["Id"] == entry["InfraId"] and c["Status"] == "running" for c in entry["Containers"]):
        return frozenset()
    ranges = [port for container in containers for port in container["Ports"] or ()]
    return frozenset(p["host_port"] + number for p in ranges for number in range(p["range"]))


def _container(entry: dict[str, Any], pod: str) -> ContainerState:
    name = entry["Names"][0].removeprefix(f"{pod}-")
    return ContainerState(
        name, entry["Image"], entry["ImageID"], entry["State"], entry.get("Restarts") or 0, entry["StartedAt"]
    )
