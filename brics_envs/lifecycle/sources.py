"""An instance's sources: choose them, keep to them, say what changes. May import: everything but cli.

The record is in ``_build/NAME`` from before the first clone or build, so that an `up` that fails, and is tried again,
means the same. A running pod carries a copy as an annotation, for the case that ``_build`` is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from brics_envs.config.options import Base
from brics_envs.config.repos import RepoChoice
from brics_envs.effects.containers import inspected
from brics_envs.effects.files import write_private
from brics_envs.lifecycle.bases import choose_bases
from brics_envs.lifecycle.repositories import CONTEXT, decide_repositories
from brics_envs.plan.images import repositories_of
from brics_envs.plan.names import ANNOTATION_SOURCES, Instance
from brics_envs.plan.repos import Decision
from brics_envs.plan.sources import Sources, changes, parse_kept_builtins, parse_sources

FILE = "sources.json"
"""What was asked for last."""

RUNNING_FILE = "sources.running.json"
"""What the pod was made of; another, if an `up` has failed since."""

OLD_FILE = Path(CONTEXT, "builtin.json")
"""What older versions remembered: built-in packages alone."""


@dataclass(frozen=True)
class Chosen:
    """``now``: the instance's sources from now on; ``decisions``: what remains to be done for its repositories;
    ``lines``: what there is to say, changes first."""

    now: Sources
    decisions: Sequence[Decision]
    lines: Sequence[str]

    @property
    def live(self) -> dict[str, Path]:
        """The directories that are mounted, by their repositories' names."""
        return {d.name: d.directory for d in self.decisions if self.now.repositories[d.name].live}


def choose_sources(
    project_root: Path,
    before: Sources,
    *,
    images: Sequence[str],
    choices: Iterable[RepoChoice],
    base: Base,
    strict: bool,
    live: bool = False,
) -> Chosen:
    """Where everything comes from that images are made of; what is not given anew stays as it was.

    :param before: the instance's record.
    :param images: those that are needed.
    :param choices: the ``--repo`` flags.
    :param base: ``--base``.
    :param live: ``--live``.
    :param strict: use neither local bases nor built-in packages unless they are asked for.
    :raises ConfigError: what is asked for does not fit what is there.
    :raises EnvsError: a base or a repository cannot be reached.
    """
    given = tuple(choices)
    decisions, found = decide_repositories(
        project_root,
        before.kept_choices(given),
        before.kept_builtins(),
        not strict,
        repositories_of(images),
    )
    bases, lines = choose_bases(
        project_root, images, base, before.bases, allow_local=not strict or base == "local"
    )
    are_live = before.are_live(given, live=live)
    now = before.updated(bases, {n: replace(source, live=are_live[n]) for n, source in found.items()})
    where = ", ".join(f"{base} {source}" for base, source in bases.items())
    return Chosen(now, decisions, [*changes(before, now), *lines, f"base images: {where}"])


def load_sources(directory: Path, instance: Instance, stage: str) -> Sources:
    """An instance's record; an empty one if there is none.

    :param directory: ``_build/NAME``.
    :param stage: of the images that are wanted.
    """
    found = (
        parse_sources(_text(directory / FILE))
        or parse_kept_builtins(_text(directory / OLD_FILE))
        or parse_sources(_annotation(instance))
    )
    return found if found and found.stage == stage else Sources(stage)


def save_sources(directory: Path, sources: Sources) -> None:
    """Keep an instance's record."""
    _save(directory / FILE, sources)


def save_running_sources(directory: Path, sources: Sources) -> None:
    """Keep what the instance's pod is made of."""
    _save(directory / RUNNING_FILE, sources)


def running_sources(directory: Path, instance: Instance) -> Sources | None:
    """What the pod that runs was made of, if that is known."""
    return parse_sources(_text(directory / RUNNING_FILE)) or parse_sources(_annotation(instance))


def _save(file: Path, sources: Sources) -> None:
    if _text(file) != sources.to_json():
        write_private(file, sources.to_json().encode())


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, ValueError):
        return ""


def _annotation(instance: Instance) -> str:
    # kube play gives a pod's annotations to its containers.
    entry = inspected("containers", instance.container("jupyterhub"))
    return str((entry["Config"].get("Annotations") or {}).get(ANNOTATION_SOURCES, "")) if entry else ""
