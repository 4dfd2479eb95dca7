"""What an instance was made from, as digests, so that two can be compared. Pure. May import: plan."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping

from brics_envs.plan.names import LABEL_INPUTS
from brics_envs.plan.overlay import Document, the_pod


def input_digests(documents: list[Document], image_ids: Mapping[str, str]) -> dict[str, str]:
    """What an instance is made from, item by item, so that two can be compared and the difference named.

    :param image_ids: container → image ID.
    :returns: what a user would call the item → digest (hexadecimal).
    """
    digests = {f"image of container {name}": _digest(image) for name, image in image_ids.items()}
    for document in documents:
        name = document["metadata"]["name"]
        if document["kind"] in ("ConfigMap", "Secret"):
            for key, value in (document.get("data") or document.get("stringData") or {}).items():
                digests[f"{key} ({document['kind']} {name})"] = _digest(value)
        else:
            digests[f"{document['kind']} {name}"] = _digest(document)
    return digests


def with_inputs_label(documents: list[Document], digests: Mapping[str, str]) -> list[Document]:
    """The manifest with the digest of all inputs as a label of its pod, 16 hexadecimal digits."""
    labelled = copy.deepcopy(documents)
    the_pod(labelled)["metadata"]["labels"][LABEL_INPUTS] = inputs_label(digests)
    return labelled


def inputs_label(digests: Mapping[str, str]) -> str:
    """The value of :data:`LABEL_INPUTS` for these inputs."""
    return _digest(dict(digests))[:16]


def changed_inputs(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The items of :func:`input_digests` that were added, removed or changed, in the order of ``now``."""
    return [item for item in {**now, **before} if before.get(item) != now.get(item)]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
