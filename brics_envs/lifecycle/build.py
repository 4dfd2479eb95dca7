"""Make sure of the images: observe what is there, decide, build what is missing. May import: all but cli.

Images that do not need one another are built at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from brics_envs.config.versions import Versions, load_versions
from brics_envs.effects import images as effects
from brics_envs.effects import process
from brics_envs.effects.images import PresentImage
from brics_envs.errors import EnvsError
from brics_envs.plan.images import (
    BaseSource,
    Build,
    DebianRoot,
    Image,
    ImageRequest,
    RegistryImage,
    bases_of,
    image_tag,
    inputs_digest,
    local_base,
    plan_images,
    registry_image,
    validate,
)

Report = Callable[[str], None]

LINE_LENGTH = 100
"""Characters of a line of progress."""


@dataclass(frozen=True)
class Decision:
    """An image; ``id`` is that of the one which is kept, none if it has to be made; ``why`` is the reason.

    ``same_as`` is the name of an image made of the very same, of another instance: it gets this name too.
    """

    image: Image
    id: str | None
    why: str
    same_as: str = ""


def ensure_images(request: ImageRequest, report: Report) -> dict[str, str]:
    """Build or pull what is missing or out of date, and nothing else.

    :param report: is given lines of progress, from several threads.
    :return: container name → image ID.
    :raises ConfigError: an unknown image, or a problem of config/versions.yaml.
    :raises EnvsError: a base cannot be had, or a build failed.
    """
    decisions, lines = _decide_all(request)
    for line in lines:
        report(line)
    made = _carry_out(decisions, request.rebuild, report)
    tags = {name: image_tag(name, request.tag_suffix) for name in request.images} | dict(request.pulled)
    return {container: made[tag] for container, tag in tags.items()}


def preview_images(request: ImageRequest) -> list[str]:
    """What :func:`ensure_images` would do, in a line for each image; builds and pulls nothing.

    :raises EnvsError: as :func:`ensure_images`, as far as it can be told beforehand.
    """
    decisions, lines = _decide_all(request)
    return [*lines, *map(_words, decisions)]


def _words(decision: Decision) -> str:
    tag = decision.image.tag
    if decision.same_as:
        return f"tag {decision.same_as} as {tag}, too"
    if decision.id:
        return f"keep {tag}"
    return f"{'pull' if isinstance(decision.image, RegistryImage) else 'build'} {tag}: {decision.why}"


def _decide_all(request: ImageRequest) -> tuple[list[Decision], list[str]]:
    validate(request)
    versions = load_versions(request.project_root)
    present = effects.present_images()
    sources, lines = _choose_sources(request, versions, present)
    return decide(plan_images(request, versions, sources), present, rebuild=request.rebuild), lines


def decide(
    images: tuple[Image, ...], present: Mapping[str, PresentImage], *, rebuild: bool
) -> list[Decision]:
    """Say of each image whether it is kept.

    :param images: each behind the one that it is built on.
    """
    decisions: dict[str, Decision] = {}
    for image in images:
        base = decisions[image.base] if image.base else None
        decisions[image.tag] = _decide(image, present, base, rebuild)
    return list(decisions.values())


def _decide(
    image: Image, present: Mapping[str, PresentImage], base: Decision | None, rebuild: bool
) -> Decision:
    own = present.get(image.tag)
    if isinstance(image, RegistryImage):
        return Decision(image, own.id, "") if own else Decision(image, None, "not there yet")
    if rebuild:
        return Decision(image, None, "--rebuild" if own else "not there yet")
    if base is not None and base.id is None:
        return Decision(image, None, f"{base.image.tag} is new" if own else "not there yet")
    digest = _digest(image, base.id if base and base.id else "")
    if own and own.inputs == digest:
        return Decision(image, own.id, "")
    # podman would find every layer in its cache, but only after reading again what each of them copies.
    repository = image.tag.rpartition(":")[0]
    for name, other in present.items():
        if other.inputs == digest and name.rpartition(":")[0] == repository:
            return Decision(image, other.id, "", same_as=name)
    return Decision(image, None, "what it is made of has changed" if own else "not there yet")


def _digest(image: Build | DebianRoot, base_id: str) -> str:
    files = image.files if isinstance(image, Build) else ()
    return inputs_digest(image, effects.files_digest(files), base_id)


def _choose_sources(
    request: ImageRequest, versions: Versions, present: Mapping[str, PresentImage]
) -> tuple[dict[str, BaseSource], list[str]]:
    """Where each base comes from, and what there is to say about it."""
    bases = bases_of(request)
    if request.base != "auto":
        return dict.fromkeys(bases, request.base), []
    wanted = {base: registry_image(base, versions) for base in bases}
    asked = [base for base in bases if wanted[base] not in present]

    def ask(base: str) -> str:
        ready = request.allow_local and _local_is_ready(base, request, versions, present)
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


def _local_is_ready(
    base: str, request: ImageRequest, versions: Versions, present: Mapping[str, PresentImage]
) -> bool:
    local = decide(local_base(base, request, versions), present, rebuild=request.rebuild)
    return all(decision.id for decision in local)


def _carry_out(decisions: list[Decision], rebuild: bool, report: Report) -> dict[str, str]:
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
            ids[decision.image.tag] = pool.submit(_carry_out_one, decision, base, rebuild, volumes, report)
        try:
            made = {tag: future.result() for tag, future in ids.items()}
        except KeyboardInterrupt:
            # Else the pool would wait for the builds to end.
            process.stop_all()
            raise
    return made


def _carry_out_one(
    decision: Decision, base: Future[str] | None, rebuild: bool, volumes: tuple[str, ...], report: Report
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
        made = effects.make_debian(image, _digest(image, base_id))
    else:
        made = effects.build(
            image,
            base_id=base_id,
            digest=_digest(image, base_id),
            rebuild=rebuild,
            volumes=volumes,
            report=progress,
        )
    progress(f"ready after {time.monotonic() - began:.1f} s")
    return made
