"""Make an environment's complete manifest: the overlay's documents, and what is made for one instance.

Pure. May import: errors, plan.

An overlay refers to ConfigMaps and Secrets that cannot be files of the project (keys, users, deployment settings).
:func:`assemble` supplies those that the pod refers to, then gives everything the instance's names and labels.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from brics_envs.errors import ConfigError
from brics_envs.plan.config_maps import CONFIG_MAPS, config_map_document
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.names import (
    ANNOTATION_RECORD,
    IMAGE_PREFIX,
    LABEL_CHECKOUT,
    LABEL_ENVIRONMENT,
    LABEL_FOLDER,
    Instance,
)
from brics_envs.plan.overlay import Document, Overlay, references, the_pod
from brics_envs.plan.ports import publish
from brics_envs.plan.record import record_of
from brics_envs.plan.secrets import SECRETS, InstanceSecrets, secret_document

HUB_CONFIG = ("ConfigMap", "jupyterhub-config")
"""Kind and name of what holds the hub's configuration."""


def assemble(desired: DesiredState, secrets: InstanceSecrets) -> list[Document]:
    """The complete manifest of an instance.

    :raises ConfigError: as :func:`refuse_unknown_references`.
    """
    refuse_unknown_references(desired.overlay)
    manifest = _supplied(desired, secrets) + copy.deepcopy(desired.overlay.documents)
    _add_layers(manifest, desired.layers)
    for document in manifest:
        if (document["kind"], document["metadata"]["name"]) == ("ConfigMap", "slurm-config"):
            document["data"] |= desired.slurm_files
    pod = the_pod(manifest)
    publish(pod, desired.ports)
    for container in pod["spec"]["containers"]:
        container["image"] = desired.images.get(container["name"], container["image"])
    _add_host_aliases(pod, desired.settings.slurmHostAliases)
    _name_instance(manifest, desired.instance)
    for document in manifest:
        labels = document["metadata"].setdefault("labels", {})
        labels |= desired.instance.labels | {LABEL_ENVIRONMENT: desired.environment.name}
        if desired.checkout.id:
            labels[LABEL_CHECKOUT] = desired.checkout.id
    annotations = pod["metadata"].setdefault("annotations", {})
    annotations |= {
        ANNOTATION_RECORD: record_of(desired).to_json(),
        LABEL_FOLDER: str(desired.checkout.folder),
    }
    return manifest


def refuse_unknown_references(overlay: Overlay) -> None:
    """Refuse an overlay whose pod refers to what neither it has nor the project makes.

    :raises ConfigError: it does, or has not exactly one pod.
    """
    made = {("ConfigMap", name) for name in CONFIG_MAPS} | {("Secret", name) for name in SECRETS}
    for kind, name in sorted(overlay.references - made):
        if not overlay.has(kind, name):
            raise ConfigError(f"the pod refers to {kind} {name}, which nothing makes")


def _supplied(desired: DesiredState, secrets: InstanceSecrets) -> list[Document]:
    """The ConfigMaps and Secrets that the pod refers to and the overlay does not have, in the pod's order."""
    overlay = desired.overlay
    wanted = dict.fromkeys((kind, holder[key]) for kind, holder, key in references(overlay.pod))
    missing = [(kind, name) for kind, name in wanted if not overlay.has(kind, name)]
    return [
        secret_document(name, secrets) if kind == "Secret" else config_map_document(name, desired, secrets)
        for kind, name in missing
    ]


def _add_layers(documents: list[Document], layers: Mapping[str, str]) -> None:
    """Put further layers beside the hub's configuration, which loads all that are there."""
    for document in documents:
        if (document["kind"], document["metadata"]["name"]) == HUB_CONFIG:
            document["data"] |= layers


def _add_host_aliases(pod: Document, aliases: Mapping[str, str]) -> None:
    by_address: dict[str, list[str]] = {}
    for name, address in aliases.items():
        by_address.setdefault(address, []).append(name)
    added = [{"ip": address, "hostnames": names} for address, names in by_address.items()]
    if added:
        pod["spec"]["hostAliases"] = pod["spec"].get("hostAliases", []) + added


def _name_instance(documents: list[Document], instance: Instance) -> None:
    pod = the_pod(documents)
    for _, holder, key in references(pod):
        holder[key] = instance.named(holder[key])
    for document in documents:
        document["metadata"]["name"] = instance.named(document["metadata"]["name"])
    for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
        container["image"] = _image_of(container["image"], instance)


def _image_of(image: str, instance: Instance) -> str:
    """The instance's own image where the project builds it; others are the same for all instances."""
    repository, _, tag = image.rpartition(":")
    if not repository.startswith(IMAGE_PREFIX):
        return image
    return f"{repository}:{instance.image_tag('dev' if tag.startswith('dev-') else 'prod')}"
