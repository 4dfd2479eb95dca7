"""``invoke clean``: remove this project's images and build caches. May import: effects, plan, lifecycle."""

from __future__ import annotations

from typing import Any

from brics_envs.effects.podman import podman, podman_json, require_podman
from brics_envs.plan.names import OURS

DEADLINE_S = 600.0
"""Seconds for removing all images."""


def clean() -> str:
    """Remove every image with the project's label that no container uses; returns what to tell."""
    require_podman()
    containers: list[dict[str, Any]] = podman_json("ps", "--all", "--format", "json")
    used = {container["ImageID"] for container in containers}
    images: list[dict[str, Any]] = podman_json("images", "--format", "json", *OURS)
    # podman lists an image with all its names once for every name.
    names = sorted({name for image in images if image["Id"] not in used for name in image.get("Names") or ()})
    if names:
        podman("rmi", "--force", *names, timeout_s=DEADLINE_S)
    podman("image", "prune", "--force", *OURS, timeout_s=DEADLINE_S)
    kept = sorted({name for image in images if image["Id"] in used for name in image.get("Names") or ()})
    said = [f"removed {len(names)} images and the build caches"]
    if kept:
        said.append(f"kept, since containers use them: {', '.join(kept)}")
    return "\n".join(said)
