"""``invoke clean``: remove this project's images and build caches. May import: effects, plan, lifecycle."""

from __future__ import annotations

from pathlib import Path

from brics_envs.effects.checkouts import forget_images, images_of_others
from brics_envs.effects.containers import listed
from brics_envs.effects.podman import podman, require_podman
from brics_envs.plan.names import OURS

DEADLINE_S = 600.0
"""Seconds for removing all images."""


def clean(root: Path) -> str:
    """Remove every image of the project that neither a container nor another checkout uses; returns what to tell."""
    require_podman()
    used = {container["ImageID"] for container in listed("containers")}
    images = listed("images", ours=True)
    # Those of additional image stores are not ours to remove.
    own = [image for image in images if not image.get("ReadOnly")]
    by_name = {name: image["Id"] for image in own for name in image.get("Names") or ()}
    others = images_of_others(root) & set(by_name)
    in_use = {name for name, image in by_name.items() if image in used} - others
    names = sorted(set(by_name) - others - in_use)
    if names:
        podman("rmi", "--force", *names, timeout_s=DEADLINE_S)
    podman("image", "prune", "--force", *OURS, timeout_s=DEADLINE_S)
    forget_images(root, names)
    said = [f"removed {len(names)} images and the build caches"]
    if in_use:
        said.append(f"kept, since containers use them: {', '.join(sorted(in_use))}")
    if others:
        said.append(f"kept, since other checkouts use them: {', '.join(sorted(others))}")
    return "\n".join(said)
