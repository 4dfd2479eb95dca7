"""Make sure of the images: observe what is there, decide, build what is missing. May import: all but cli.

Images that do not need one another are built at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from brics_envs.config.versions import Versions, load_versions
from brics_envs.effects import images as effects
from brics_envs.effects import process
from brics_envs.errors import EnvsError
from brics_envs.plan.image_decisions import Decision, Storage, decide, local_base_is_ready
from brics_envs.plan.images import (
    BaseSource,
    DebianRoot,
    ImageRequest,
    RegistryImage,
    bases_of,
    plan_images,
    refuse_unknown_images,
    registry_image,
)
from brics_envs.plan.names import image_tag

Report = Callable[[str], None]

LINE_LENGTH = 100
"""Characters of a line of progress."""


def ensure_images(request: ImageRequest, report: Report) -> dict[str, str]:
    """Build or pull what is missing or out of date, and nothing else.

    :param report: is given lines of progress, from several threads.
    :returns: container name → image ID.
    :raises ConfigError: an unknown image, or a problem of config/versions.yaml.
    :raises EnvsError: a base cannot be had, or a build failed.
    """
    storage = _observe()
    decisions, lines = _decide_all(request, storage)
    for line in lines:
        report(line)
    made = _carry_out(decisions, storage, request.rebuild, report)
    tags = {name: image_tag(name, request.tag_suffix) for name in request.images} | dict(request.pulled)
    return {container: made[tag] for container, tag in tags.items()}


def preview_images(request: ImageRequest) -> list[str]:
    """What :func:`ensure_images` would do, in a line for each image; builds and pulls nothing.

    :raises EnvsError: as :func:`ensure_images`, as far as it can be told beforehand.
    """
    decisions, lines = _decide_all(request, _observe())
    return [*lines, *map(str, decisions)]


def _decide_all(request: ImageRequest, storage: Storage) -> tuple[list[Decision], list[str]]:
    refuse_unknown_images(request.images)
    versions = load_versions(request.project_root)
    sources, lines = _choose_sources(request, versions, storage)
    return decide(plan_images(request, versions, sources), storage, rebuild=request.rebuild), lines


def _observe() -> Storage:
    return Storage(effects.present_images(), effects.files_digest)


def _choose_sources(
    request: ImageRequest, versions: Versions, storage: Storage
) -> tuple[dict[str, BaseSource], list[str]]:
    """Where each base comes from, and what there is to say about it."""
    bases = bases_of(request)
    if request.base != "auto":
        return dict.fromkeys(bases, request.base), []
    wanted = {base: registry_image(base, versions) for base in bases}
    asked = [base for base in bases if wanted[base] not in storage.images]

    def ask(base: str) -> str:
        ready = request.allow_local and local_base_is_ready(base, request, versions, storage)
        return effects.registry_problem(wanted[base], effects.SHORT_PROBE_S if ready else effects.PROBE_S)

    with ThreadPoolExecutor() as pool:
        problems = dict(zip(asked, pool.map(ask, asked), strict=True))
    sources: dict[str, BaseSource] = {base: "local" if problems.get(base) else "registry" for base in bases}
    missing = ", ".join(f"{wanted[base]} ({problem})" for base, problem in problems.items() if problem)
    if missing and not request.allow_local:
        raise EnvsError(
            f"base images cannot be pulled: {missing}",
            hint="--base local builds equivalents from Debian's packages",
        )
    return sources, [f"cannot pull {missing}: local equivalents are used"] if missing else []


def _carry_out(decisions: list[Decision], storage: Storage, rebuild: bool, report: Report) -> dict[str, str]:
    ids: dict[str, Future[str]] = {}
    for decision in decisions:
        if decision.same_as:
            effects.tag(decision.same_as, decision.image.tag)
    if all(decision.id for decision in decisions):
        return {decision.image.tag: decision.id or "" for decision in decisions}
    # A thread for each image, so that one that waits for its base keeps no other from starting.
    with effects.building() as volumes, ThreadPoolExecutor(max_workers=len(decisions)) as pool:
        for decision in decisions:
            base = ids[decision.image.base] if decision.image.base else None
            ids[decision.image.tag] = pool.submit(
                _carry_out_one, decision, storage, base, rebuild, volumes, report
            )
        try:
            made = {tag: future.result() for tag, future in ids.items()}
        except KeyboardInterrupt:
            # Else the pool would wait for the builds to end.
            process.stop_all()
            raise
    return made


def _carry_out_one(
    decision: Decision,
    storage: Storage,
    base: Future[str] | None,
    rebuild: bool,
    volumes: tuple[str, ...],
    report: Report,
) -> str:
    base_id = base.result() if base else ""
    if decision.id:
        return decision.id
    image, began = decision.image, time.monotonic()
    name = image.tag.removeprefix("localhost/")

    def progress(line: str) -> None:
        report(f"{name}: {line}"[:LINE_LENGTH])

    progress(decision.why)
    if isinstance(image, RegistryImage):
        made = effects.pull(image, progress)
    elif isinstance(image, DebianRoot):
        made = effects.make_debian(image, storage.digest(image, base_id))
    else:
        made = effects.build(
            image,
            base_id=base_id,
            digest=storage.digest(image, base_id),
            rebuild=rebuild,
            volumes=volumes,
            report=progress,
        )
    progress(f"ready after {time.monotonic() - began:.1f} s")
    return made
