"""Provide the images: observe what is there, decide, build what is missing. May import: all but cli.

Images that do not need one another are built at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from brics_envs.config.versions import load_versions
from brics_envs.effects import images as effects
from brics_envs.effects.git import PROJECT_ROOT, head_commit
from brics_envs.lifecycle.report import passing
from brics_envs.plan.image_decisions import Decision, Storage, decide
from brics_envs.plan.images import (
    DebianRoot,
    ImageRequest,
    RegistryImage,
    plan_images,
    refuse_unknown_images,
)

Report = Callable[[str], None]


@dataclass(frozen=True)
class ImagePlan:
    """What is done for each image of a request, on the storage as it was then."""

    request: ImageRequest
    storage: Storage
    decisions: list[Decision]

    @property
    def ids(self) -> dict[str, str]:
        """Container → ID of the image that it has already, or an empty one if that has to be made."""
        known = {decision.image.tag: decision.id or "" for decision in self.decisions}
        return {container: known[tag] for container, tag in self.request.tags.items()}


def plan(request: ImageRequest) -> ImagePlan:
    """Decide what to build and pull; does nothing yet.

    :raises ConfigError: an unknown image, or a problem of config/versions.yaml.
    """
    refuse_unknown_images(request.images)
    images = plan_images(request, load_versions(request.project_root))
    storage = observe_storage()
    return ImagePlan(
        request, storage, decide(images, storage, rebuild=request.rebuild, refresh=request.refresh)
    )


def carry_out(planned: ImagePlan, report: Report) -> dict[str, str]:
    """Build or pull what is missing or out of date, and nothing else.

    :param report: is given lines of progress, from several threads.
    :returns: container name → image ID.
    :raises EnvsError: a base cannot be had, or a build failed.
    """
    anew = planned.request.rebuild or planned.request.refresh
    made = _carry_out(planned.decisions, planned.storage, anew, report)
    return {container: made[tag] for container, tag in planned.request.tags.items()}


def observe_storage() -> Storage:
    """The images that there are."""
    return Storage(effects.present_images(), effects.files_digest, effects.has_image)


def _carry_out(decisions: list[Decision], storage: Storage, rebuild: bool, report: Report) -> dict[str, str]:
    ids: dict[str, Future[str]] = {}
    for decision in decisions:
        if decision.same_as and decision.id:
            # By its ID: the other instance may be taken down at this moment, and its name with it.
            effects.tag(decision.id, decision.image.tag)
    if all(decision.id for decision in decisions):
        return {decision.image.tag: decision.id or "" for decision in decisions}
    # A thread for each image, so that one that waits for its base keeps no other from starting.
    with effects.building() as volumes, ThreadPoolExecutor(max_workers=len(decisions)) as pool:
        for decision in decisions:
            base = ids.get(decision.image.base or "")
            ids[decision.image.tag] = pool.submit(
                _carry_out_one, decision, storage, base, rebuild, volumes, report
            )
        return {tag: future.result() for tag, future in ids.items()}


def _carry_out_one(
    decision: Decision,
    storage: Storage,
    base: Future[str] | None,
    rebuild: bool,
    volumes: tuple[str, ...],
    report: Report,
) -> str:
    base_id = decision.base_id or (base.result() if base else "")
    if decision.id:
        return decision.id
    image, began = decision.image, time.monotonic()
    name = image.tag.removeprefix("localhost/")

    def progress(line: str) -> None:
        report(f"{name}: {line}")

    progress(decision.why)
    if isinstance(image, RegistryImage):
        made = effects.pull(image, lambda line: passing(f"{name}: {line}"))
    elif isinstance(image, DebianRoot):
        made = effects.make_debian(image, storage.digest(image, base_id))
    else:
        made = effects.build(
            image,
            base_id=base_id,
            recipe=decision.recipe,
            digest=storage.digest(image, base_id),
            revision=head_commit(PROJECT_ROOT),
            rebuild=rebuild,
            volumes=volumes,
            report=progress,
        )
    progress(f"ready after {time.monotonic() - began:.1f} s")
    return made
