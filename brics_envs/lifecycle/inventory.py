"""What podman has, and whose it is. May import: plan, effects."""

from __future__ import annotations

import yaml

from brics_envs.effects.containers import inspected, listed
from brics_envs.plan.images import KINDS
from brics_envs.plan.names import CONFIGURATION, LABEL_CONTENTS, Checkout, Instance, image_tag
from brics_envs.plan.ownership import Inventory, Thing
from brics_envs.plan.secrets import SECRETS


def observe_inventory(instance: Instance, checkout: Checkout, *, adopts_unmarked: bool) -> Inventory:
    """Everything that podman has, as far as it may concern an instance.

    :param adopts_unmarked: whether things of the instance that name no checkout are this one's.
    """
    things = [
        *(Thing("pod", entry["Name"], entry.get("Labels") or {}) for entry in listed("pods")),
        *(
            Thing("container", name, e.get("Labels") or {})
            for e in listed("containers")
            for name in e["Names"]
        ),
        *(Thing("volume", entry["Name"], entry.get("Labels") or {}) for entry in listed("volumes")),
        *(Thing("network", entry["name"], entry.get("labels") or {}) for entry in listed("networks")),
        *_secrets([instance.named(name) for name in SECRETS]),
        *_images(instance),
    ]
    if adopts_unmarked:
        things = _with_marked_volumes(things, instance)
    return Inventory(tuple(things), instance, checkout, adopts_unmarked)


def _secrets(names: list[str]) -> list[Thing]:
    """Those secrets that are there. podman gives them no labels, but the text of ours has them."""
    return [Thing("secret", name, labels_in(text)) for name, text in secret_texts(names).items()]


def secret_texts(names: list[str]) -> dict[str, str]:
    """What podman keeps under these names: for a Secret, the object in YAML. Those that are not there are left out."""
    there = {entry["Spec"]["Name"] for entry in listed("secrets")}
    found = (inspected("secrets", name, showsecret="true") for name in names if name in there)
    return {entry["Spec"]["Name"]: entry["SecretData"] for entry in found if entry}


def labels_in(text: str) -> dict[str, str]:
    """The labels of a Kubernetes object in YAML; none if it is something else."""
    try:
        labels = yaml.safe_load(text)["metadata"]["labels"]
        return {str(key): str(value) for key, value in labels.items()}
    except (yaml.YAMLError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _images(instance: Instance) -> list[Thing]:
    own = {image_tag(name, instance.image_tag(stage)) for name in KINDS for stage in ("dev", "prod")}
    return [
        Thing("image", name, entry.get("Labels") or {})
        for entry in listed("images")
        for name in dict.fromkeys(entry.get("Names") or ())
        if name in own
    ]


def _with_marked_volumes(things: list[Thing], instance: Instance) -> list[Thing]:
    """Older versions left the volumes of ConfigMaps and Secrets without labels: their pod's containers mount them."""
    own = [t.name for t in things if t.kind == "container" and t.is_projects and t.is_of(instance)]
    if not own:
        return things
    entries = filter(None, (inspected("containers", name) for name in own))
    mounted = {mount.get("Name") for entry in entries for mount in entry["Mounts"]}
    marks = instance.labels | {LABEL_CONTENTS: CONFIGURATION}
    return [
        Thing("volume", t.name, marks) if t.kind == "volume" and t.name in mounted and not t.labels else t
        for t in things
    ]
