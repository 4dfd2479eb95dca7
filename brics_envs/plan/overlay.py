"""What an environment's overlay contains: its documents, and the questions that are asked of them.

Pure. May import: errors, plan.names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from brics_envs.errors import ConfigError
from brics_envs.plan.names import IMAGE_PREFIX, LABEL_SIGN_IN, TUNNELS

Document = dict[str, Any]
"""A Kubernetes object, as YAML gives it."""

Stage = Literal["dev", "prod"]
"""The build stage of the images that an environment runs: ``stage-dev`` or ``stage-prod``."""


@dataclass(frozen=True)
class Overlay:
    """The documents that the merge made of an environment's overlay. They are not to be changed."""

    documents: list[Document]

    @property
    def pod(self) -> Document:
        """Its pod.

        :raises ConfigError: it has not exactly one.
        """
        return the_pod(self.documents)

    @property
    def containers(self) -> tuple[str, ...]:
        """The names of the pod's containers, in the manifest's order."""
        return tuple(container["name"] for container in self.pod["spec"]["containers"])

    @property
    def has_slurm(self) -> bool:
        """Whether Slurm runs in the pod; else it is an external one, reached over SSH."""
        return "slurm" in self.containers

    @property
    def has_issuer(self) -> bool:
        """Whether an OpenID provider runs in the pod."""
        return "issuer" in self.containers

    @property
    def tunnel(self) -> str:
        """The name of the tunnel through which users come, ``Zenith`` or ``Nadir``; empty if there is none."""
        return next((name for container, name in TUNNELS.items() if container in self.containers), "")

    @property
    def takes_tokens(self) -> bool:
        """Whether users sign in with ID tokens (k8s/components/realauth)."""
        return cast(bool, self.pod["metadata"].get("labels", {}).get(LABEL_SIGN_IN) == "token")

    @property
    def references(self) -> frozenset[tuple[str, str]]:
        """(kind, name) of everything that the pod refers to."""
        return frozenset((kind, holder[key]) for kind, holder, key in references(self.pod))

    def refers_to(self, kind: str, name: str) -> bool:
        """Whether the pod refers to that ConfigMap, Secret or PersistentVolumeClaim."""
        return (kind, name) in self.references

    def config_map(self, name: str) -> dict[str, str]:
        """The data of one of its ConfigMaps; empty if it has none of that name."""
        found = (d for d in self.documents if (d["kind"], d["metadata"]["name"]) == ("ConfigMap", name))
        return dict(next(found, {}).get("data", {}))

    def has(self, kind: str, name: str) -> bool:
        """Whether the overlay itself has that document."""
        return any((d["kind"], d["metadata"]["name"]) == (kind, name) for d in self.documents)

    @property
    def built_images(self) -> dict[str, str]:
        """Name → tag of the images that the project builds: ``jupyterhub`` → ``dev-latest`` …"""
        images = [container["image"] for container in self.pod["spec"]["containers"]]
        own = [image.removeprefix(IMAGE_PREFIX) for image in images if image.startswith(IMAGE_PREFIX)]
        return dict(image.split(":") for image in own)

    @property
    def stage(self) -> Stage:
        """The stage of the images that the project builds for it."""
        return "dev" if all(tag.startswith("dev-") for tag in self.built_images.values()) else "prod"


def the_pod(documents: list[Document]) -> Document:
    """The one pod among the documents.

    :raises ConfigError: there is none, or more than one.
    """
    pods = [document for document in documents if document["kind"] == "Pod"]
    if len(pods) != 1:
        raise ConfigError(f"the overlay has {len(pods)} pods; exactly one is needed")
    return pods[0]


def names_of(documents: list[Document], kind: str) -> list[str]:
    """The names of the documents of a kind, in their order."""
    return [document["metadata"]["name"] for document in documents if document["kind"] == kind]


def references(pod: Document) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Where a pod refers to other documents by name.

    :returns: (kind, the mapping that holds the name, its key) for every reference.
    """
    for volume in pod["spec"].get("volumes", ()):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"], "name"
        if "secret" in volume:
            yield "Secret", volume["secret"], "secretName"
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"], "claimName"
