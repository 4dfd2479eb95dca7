"""Directories of the host in the place of an image's copies of the dev repositories. Pure. May import: plan."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from brics_envs.plan.overlay import Document, the_pod

CONTAINERS = {"bricsauthenticator": "jupyterhub", "slurmspawner_wrappers": "slurm"}
"""Dev repository → the container that has it."""

ANNOTATION_BUILT_FROM = "brics.built-from."
"""Of a pod, with a repository's name behind it: :attr:`Live.built_from`."""

SUPERVISOR = "/usr/local/lib/brics-live/live_hub.py"
"""What runs the hub, in its image, so that it can be replaced within a moment (build/live)."""

BUILD_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in")
"""What decides how a package is built and what it needs; so do requirements in files of their own."""


@dataclass(frozen=True)
class Live:
    """A directory of the host, and a digest of those of its files that decide how the package is built."""

    directory: Path
    built_from: str


def place_of(name: str) -> str:
    """Where an image has its editable copy of a dev repository."""
    return f"/opt/src/{name}"


def decides_build(path: str) -> bool:
    """Whether a file's change needs another image.

    :param path: relative to the repository's root.
    """
    return path in BUILD_FILES or (path.endswith(".txt") and "requirements" in path)


def with_live(documents: list[Document], live: Mapping[str, Live]) -> list[Document]:
    """The manifest with the directories mounted, read-only, in the place of the image's copies.

    :param live: dev repository → directory.
    """
    changed = copy.deepcopy(documents)
    pod = the_pod(changed)
    for name, one in live.items():
        volume = f"live-{name.replace('_', '-')}"
        source = {"path": str(one.directory), "type": "Directory"}
        pod["spec"].setdefault("volumes", []).append({"name": volume, "hostPath": source})
        container = next(c for c in pod["spec"]["containers"] if c["name"] == CONTAINERS[name])
        mount = {"name": volume, "mountPath": place_of(name), "readOnly": True}
        container.setdefault("volumeMounts", []).append(mount)
        pod["metadata"].setdefault("annotations", {})[f"{ANNOTATION_BUILT_FROM}{name}"] = one.built_from
        if container["name"] == "jupyterhub":
            container["command"] = ["python3", SUPERVISOR]
            container["args"] = container["args"][1:]
    return changed
