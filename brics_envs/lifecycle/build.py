"""``invoke build``: the repositories and images of an environment. May import: everything but cli."""

from __future__ import annotations

from collections.abc import Mapping

from brics_envs.effects.files import locked
from brics_envs.effects.podman import require_podman
from brics_envs.lifecycle.images import ensure_images
from brics_envs.lifecycle.prepare import UpOptions, prepare
from brics_envs.lifecycle.report import say, step
from brics_envs.lifecycle.repositories import check_repositories, ensure_repositories
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.images import ImageRequest, RepoSnapshot, repositories_of

LOCK_DEADLINE_S = 5.0
"""Seconds to wait for another command that works on the same instance."""


def build(options: UpOptions) -> dict[str, str]:
    """Build an environment's images; returns container → image ID.

    :raises EnvsError: with exit status 2 before anything was created, 1 for what failed afterwards.
    """
    desired = prepare(options)
    check_repositories(options.environment.root, options.repos)
    require_podman()
    with locked(desired.directory / "lock", LOCK_DEADLINE_S):
        return get_images(options, desired)


def get_images(options: UpOptions, desired: DesiredState) -> dict[str, str]:
    """Get the repositories and build the images of an environment; returns container → image ID."""
    needed = repositories_of(desired.overlay.built_images)
    for choice in options.repos:
        if choice.name not in needed:
            say(f"--repo {choice.name}: not needed, since no image of {desired.environment.name} holds it")
    with step("repositories"):
        repos = ensure_repositories(
            options.environment.root,
            options.repos,
            desired.directory,
            not desired.strict,
            say,
            needed,
        )
    with step("images"):
        return ensure_images(image_request(options, desired, repos), say)


def image_request(
    options: UpOptions, desired: DesiredState, repos: Mapping[str, RepoSnapshot]
) -> ImageRequest:
    """What images an environment needs, made of these snapshots."""
    overlay = desired.overlay
    return ImageRequest(
        project_root=options.environment.root,
        images=tuple(overlay.built_images),
        stage=overlay.stage,
        tag_suffix=options.instance.image_tag(overlay.stage),
        base=options.base,
        repos=repos,
        rebuild=options.rebuild,
        allow_local=not desired.strict or options.base == "local",
        pulled=desired.images,
    )
