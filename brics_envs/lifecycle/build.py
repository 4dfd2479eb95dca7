"""``invoke build``: the repositories and images of an environment. May import: everything but cli."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from brics_envs.effects.checkouts import instance_lock, remember_images
from brics_envs.effects.podman import require_podman
from brics_envs.lifecycle.images import carry_out, plan
from brics_envs.lifecycle.live import built_for_live, live_of, refuse_unreadable, refuse_unshared
from brics_envs.lifecycle.preflight import check_machine
from brics_envs.lifecycle.prepare import UpOptions, prepare
from brics_envs.lifecycle.report import say, step
from brics_envs.lifecycle.repositories import check_repositories, fetch_repositories
from brics_envs.lifecycle.sources import Chosen, choose_sources, load_sources, save_sources
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.images import ImageRequest, RepoSnapshot, repositories_of
from brics_envs.plan.live import Live
from brics_envs.plan.sources import Sources


@dataclass(frozen=True)
class MadeImages:
    """Images that are there: container → image ID, what they were made of, and what is mounted over it."""

    ids: dict[str, str]
    sources: Sources
    live: Mapping[str, Live]


def build(options: UpOptions) -> dict[str, str]:
    """Build an environment's images; returns container → image ID.

    :raises EnvsError: with exit status 2 before anything was created, 1 for what failed afterwards.
    """
    desired = prepare(options)
    check_repositories(options.environment.root, options.repos)
    require_podman()
    check_machine(desired)
    with instance_lock(desired.instance):
        return get_images(options, desired).ids


def get_images(options: UpOptions, desired: DesiredState) -> MadeImages:
    """Get the repositories and build the images of an environment.

    What comes from elsewhere than before is said, and recorded, before anything is cloned or built.
    """
    needed = repositories_of(desired.overlay.built_images)
    for choice in options.repos:
        if choice.name not in needed:
            say(f"--repo {choice.name}: not needed, since no image of {desired.environment.name} holds it")
    with step("repositories"):
        chosen = choose(options, desired)
        for line in chosen.lines:
            say(line)
        for name, directory in chosen.live.items():
            refuse_unreadable(name, directory)
            refuse_unshared(name, directory, options.environment.root)
        save_sources(desired.directory, chosen.now)
        repos = fetch_repositories(chosen.decisions, desired.directory, say)
        for name, directory in chosen.live.items():
            refuse_unreadable(name, directory)
        live = live_of(chosen.live)
        repos = built_for_live(repos, live)
    with step("images"):
        planned = plan(image_request(options, desired, chosen.now, repos))
        ids = carry_out(planned, say)
    remember_images(options.environment.root, (decision.image.tag for decision in planned.decisions))
    return MadeImages(ids, chosen.now, live)


def choose(options: UpOptions, desired: DesiredState) -> Chosen:
    """Where an instance's base images and repositories come from; changes nothing yet."""
    return choose_sources(
        options.environment.root,
        load_sources(desired.directory, desired.instance, desired.overlay.stage),
        images=tuple(desired.overlay.built_images),
        choices=options.repos,
        base=options.base,
        strict=desired.strict,
        live=options.live,
    )


def image_request(
    options: UpOptions, desired: DesiredState, sources: Sources, repos: Mapping[str, RepoSnapshot]
) -> ImageRequest:
    """What images an environment needs, made of these snapshots."""
    overlay = desired.overlay
    return ImageRequest(
        project_root=options.environment.root,
        images=tuple(overlay.built_images),
        stage=overlay.stage,
        tag_suffix=options.instance.image_tag(overlay.stage),
        bases=sources.bases,
        repos=repos,
        rebuild=options.rebuild,
        refresh=options.refresh,
        pulled=desired.images,
    )
