"""Where base images come from: what is asked for, what was decided before, or what can be reached.

May import: everything but cli.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from brics_envs.config.options import Base
from brics_envs.config.versions import load_versions
from brics_envs.effects.at_once import at_once
from brics_envs.effects.images import PROBE_S, SHORT_PROBE_S, local_base_obstacle, registry_problem
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.images import observe_storage
from brics_envs.plan.image_decisions import local_base_is_ready
from brics_envs.plan.images import bases_of, registry_image
from brics_envs.plan.sources import BaseSource


def choose_bases(
    project_root: Path,
    images: Iterable[str],
    wanted: Base,
    kept: Mapping[str, BaseSource],
    *,
    allow_local: bool,
) -> tuple[dict[str, BaseSource], list[str]]:
    """Where each base comes from, and what there is to say about it.

    :param wanted: ``--base``.
    :param kept: what was decided for the instance before: ``auto`` keeps to it, and asks no registry.
    :param allow_local: whether ``auto`` may fall back to local bases.
    :raises EnvsError: a base can neither be pulled nor be made here.
    """
    bases = bases_of(images)
    if wanted != "auto":
        if wanted == "local" and (obstacle := local_base_obstacle()):
            _refuse_unmakeable(project_root, bases, "no base is pulled with --base local", obstacle)
        return dict.fromkeys(bases, wanted), []
    new = tuple(base for base in bases if base not in kept)
    found, lines = _reachable(project_root, new, allow_local) if new else ({}, [])
    return {base: kept[base] if base in kept else found[base] for base in bases}, lines


def _reachable(
    project_root: Path, bases: tuple[str, ...], allow_local: bool
) -> tuple[dict[str, BaseSource], list[str]]:
    versions, storage = load_versions(project_root), observe_storage()
    references = {base: registry_image(base, versions) for base in bases}
    asked = [base for base in bases if references[base] not in storage.images]

    def ask(base: str) -> str:
        ready = allow_local and local_base_is_ready(base, project_root, versions, storage)
        return registry_problem(references[base], SHORT_PROBE_S if ready else PROBE_S)

    problems = dict(zip(asked, at_once(ask, asked), strict=True))
    missing = ", ".join(f"{references[base]} ({problem})" for base, problem in problems.items() if problem)
    if missing and not allow_local:
        raise EnvsError(
            f"base images cannot be pulled: {missing}",
            hint="--base local builds equivalents from Debian's packages",
        )
    if missing and (obstacle := local_base_obstacle()):
        unpulled = tuple(base for base, problem in problems.items() if problem)
        _refuse_unmakeable(project_root, unpulled, f"base images cannot be pulled: {missing}", obstacle)
    sources: dict[str, BaseSource] = {base: "local" if problems.get(base) else "registry" for base in bases}
    return sources, [f"cannot pull {missing}: using local equivalents"] if missing else []


def _refuse_unmakeable(project_root: Path, bases: tuple[str, ...], why: str, obstacle: str) -> None:
    """Refuse bases that are neither pulled nor there already.

    :param why: they are not pulled.
    :param obstacle: to making them here.
    :raises EnvsError: with both reasons.
    """
    versions, storage = load_versions(project_root), observe_storage()
    if absent := [base for base in bases if not local_base_is_ready(base, project_root, versions, storage)]:
        raise EnvsError(
            f"{why}; local base images ({', '.join(absent)}) cannot be made: {obstacle}",
            hint="run ./bootstrap on Debian or Ubuntu; elsewhere, as on macOS, base images come from registries "
            "(--base registry)",
        )
