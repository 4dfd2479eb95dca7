"""What an instance was made from, as digests, so that two can be compared. Pure. May import: plan."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from brics_envs.plan.names import ANNOTATION_RECORD, LABEL_INPUTS
from brics_envs.plan.overlay import Document, the_pod

IMAGE = "image"
"""The kind of an :class:`Item` that is the image of a container."""


@dataclass(frozen=True)
class Item:
    """One of the things that an instance is made from.

    :param kind: :data:`IMAGE`, or the kind of a Kubernetes object.
    :param name: the container's or the object's.
    :param key: of a ConfigMap or a Secret.
    """

    kind: str
    name: str
    key: str = ""

    def __str__(self) -> str:
        if self.kind == IMAGE:
            return f"image of container {self.name}"
        return f"{self.key} ({self.kind} {self.name})" if self.key else f"{self.kind} {self.name}"


Digests = Mapping[Item, str]
"""What an instance is made from, item by item, with digests in hexadecimal."""


def input_digests(documents: list[Document], image_ids: Mapping[str, str]) -> dict[Item, str]:
    """What an instance is made from, so that two can be compared and the difference named.

    The record in the pod's annotation does not count: it says what other items say, and is kept elsewhere too.

    :param image_ids: container → image ID.
    """
    digests = {Item(IMAGE, name): _digest(image) for name, image in image_ids.items()}
    for document in documents:
        kind, name = document["kind"], document["metadata"]["name"]
        if kind in ("ConfigMap", "Secret"):
            digests |= {Item(kind, name, key): _digest(value) for key, value in contents_of(document).items()}
        else:
            digests[Item(kind, name)] = _digest(_without_record(document))
    return digests


def contents_of(document: Document) -> dict[str, str]:
    """Key → text of a ConfigMap or a Secret."""
    return document.get("data") or document.get("stringData") or {}


def with_inputs_label(documents: list[Document], digests: Digests) -> list[Document]:
    """The manifest with the digest of all inputs as a label of its pod, 16 hexadecimal digits."""
    labelled = copy.deepcopy(documents)
    the_pod(labelled)["metadata"]["labels"][LABEL_INPUTS] = inputs_label(digests)
    return labelled


def inputs_label(digests: Digests) -> str:
    """The value of :data:`LABEL_INPUTS` for these inputs."""
    return _digest({repr(item): digest for item, digest in digests.items()})[:16]


def changed_inputs(before: Digests, now: Digests) -> list[Item]:
    """What was added, removed or changed, in the order of ``now``."""
    return [item for item in {**now, **before} if before.get(item) != now.get(item)]


def _without_record(document: Document) -> Document:
    metadata = document["metadata"]
    annotations = {k: v for k, v in metadata.get("annotations", {}).items() if k != ANNOTATION_RECORD}
    return {**document, "metadata": {**metadata, "annotations": annotations}}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
