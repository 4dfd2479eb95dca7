"""The dev repositories of a command: observe, decide, clone, take snapshots. May import: everything but cli.

Whether the default URLs can be reached is found out for both repositories at once, and only while nothing
else decides. An instance that was made with a built-in package, because the default URL was out of reach,
keeps it: a network that comes and goes must not change what runs there, and ``up`` on a running instance must
be quick. ``_build/INSTANCE/context/builtin.json`` remembers it. Once the network is back, ``invoke clone``
(or ``up`` after ``down``) clones; from then on every instance uses the clone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard, TypeVar

from brics_envs.config.repos import (
    REPOSITORIES,
    GitUrl,
    RepoChoice,
    UrlChoice,
    missing_package_files,
    names_of,
    parse_url,
)
from brics_envs.config.versions import load_versions
from brics_envs.effects import git, process
from brics_envs.effects.files import write_private
from brics_envs.effects.snapshot import digest_of, take_snapshot
from brics_envs.errors import ConfigError
from brics_envs.plan.images import RepoSnapshot
from brics_envs.plan.repos import (
    CLONES,
    Decision,
    ExistingClone,
    MakeClone,
    Situation,
    TryDefault,
    UseDirectory,
    decide,
    refuse_another,
    settle,
)

CONTEXT = "context"
"""The folder of the snapshots, in an instance's folder."""

MEMORY = "builtin.json"
"""In the folder of the snapshots: name → default URL, for built-in packages that the instance keeps."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def ensure_repositories(
    project_root: Path,
    choices: tuple[RepoChoice, ...],
    instance_dir: Path,
    allow_builtin: bool,
    report: Callable[[str], None],
    names: Sequence[str] = REPOSITORIES,
) -> dict[str, RepoSnapshot]:
    """Get the dev repositories and take a snapshot of each for an instance's images.

    :param choices: the ``--repo`` flags.
    :param instance_dir: ``_build/INSTANCE``; the snapshots are in ``context/NAME`` below it.
    :param allow_builtin: whether a built-in package may be used without having been asked for (not for
        ``prod``).
    :param report: is given lines of progress, from several threads.
    :param names: those that are needed.
    :returns: name → snapshot.
    :raises ConfigError: an existing clone is of another origin or REF, or what is given is no package.
    :raises EnvsError: a repository cannot be cloned or read.
    """
    context = instance_dir / CONTEXT
    remembered = _remembered(context / MEMORY) if allow_builtin else {}
    situations = observe(project_root, choices, remembered, names)
    decisions = decide_all(situations, choices, allow_builtin)
    used = carry_out(decisions, report)
    _remember(
        context / MEMORY, remembered, {d.name: situations[d.name] for d in decisions if _is_fallback(d)}
    )
    snapshots = _at_once(lambda name: take_snapshot(name, used[name], context / name), names)
    return dict(zip(names, snapshots, strict=True))


def check_repositories(project_root: Path, choices: tuple[RepoChoice, ...]) -> None:
    """Refuse what does not fit what is there, before anything is created; asks no host.

    :raises ConfigError: a problem of config/versions.yaml, or as :func:`ensure_repositories`.
    """
    chosen, situations = names_of(choices), observe(project_root, choices, {})
    _refuse_no_packages([decide(s, chosen.get(name), allow_builtin=True) for name, s in situations.items()])


def preview_repositories(
    project_root: Path,
    choices: tuple[RepoChoice, ...],
    instance_dir: Path,
    allow_builtin: bool,
    names: Sequence[str] = REPOSITORIES,
) -> tuple[list[str], dict[str, RepoSnapshot]]:
    """What :func:`ensure_repositories` would do, for ``--dry-run``; creates nothing.

    :returns: a line for each repository, and snapshots that were not taken: the digests are true, except for
        repositories that would have to be cloned first; the versions are not computed.
    :raises EnvsError: as :func:`ensure_repositories`, except for clones.
    """
    context = instance_dir / CONTEXT
    remembered = _remembered(context / MEMORY) if allow_builtin else {}
    decisions = decide_all(observe(project_root, choices, remembered, names), choices, allow_builtin)
    lines = [d.why if isinstance(d, UseDirectory) else _clone_words(d, "clone") for d in decisions]
    snapshots = {d.name: RepoSnapshot(d.name, context / d.name, "0+unknown", _digest(d)) for d in decisions}
    return lines, snapshots


def _digest(decision: Decision) -> str:
    return (
        digest_of(decision.name, decision.directory)
        if isinstance(decision, UseDirectory)
        else "not cloned yet"
    )


def observe(
    project_root: Path,
    choices: Sequence[RepoChoice],
    remembered: Mapping[str, str],
    names: Sequence[str] = REPOSITORIES,
) -> dict[str, Situation]:
    defaults = load_versions(project_root).repositories.model_dump()
    chosen = names_of(choices)
    return {
        name: _situation(project_root, name, parse_url(defaults[name]), chosen.get(name), remembered)
        for name in names
    }


def _situation(
    root: Path, name: str, default: GitUrl, choice: RepoChoice | None, remembered: Mapping[str, str]
) -> Situation:
    situation = Situation(name, root, default, kept_builtin=remembered.get(name) == default.url)
    directory = situation.clone_directory
    if isinstance(choice, UrlChoice):
        return replace(situation, existing=git.existing_clone(directory))
    # Where no URL is given, a directory is used whatever is in it: there is no need to look.
    return replace(situation, existing=ExistingClone(None) if directory.is_dir() else None)


def decide_all(
    situations: Mapping[str, Situation], choices: Sequence[RepoChoice], allow_builtin: bool
) -> list[Decision]:
    """Decide for all repositories before anything is done for one of them."""
    chosen = names_of(choices)
    first = [decide(s, chosen.get(name), allow_builtin=allow_builtin) for name, s in situations.items()]
    reasons = _at_once(_why_unreachable, first)
    decisions = [
        settle(decision, reason, allow_builtin=allow_builtin)
        if isinstance(decision, TryDefault)
        else decision
        for decision, reason in zip(first, reasons, strict=True)
    ]
    _refuse_no_packages(decisions)
    return decisions


def _refuse_no_packages(decisions: Sequence[Decision | TryDefault]) -> None:
    problems = [missing_package_files(d.directory) for d in decisions if isinstance(d, UseDirectory)]
    if any(problems):
        raise ConfigError("\n".join(filter(None, problems)))


def _why_unreachable(decision: Decision | TryDefault) -> str:
    return git.unreachable(decision.situation.default_url) if isinstance(decision, TryDefault) else ""


def carry_out(decisions: Sequence[Decision], report: Callable[[str], None]) -> dict[str, Path]:
    directories = _at_once(lambda decision: _carry_out_one(decision, report), decisions)
    return {decision.name: directory for decision, directory in zip(decisions, directories, strict=True)}


def _carry_out_one(decision: Decision, report: Callable[[str], None]) -> Path:
    """Do what was decided; return the directory with the repository's files."""
    if isinstance(decision, UseDirectory):
        report(decision.why)
        return decision.directory
    began = time.monotonic()
    report(_clone_words(decision, "cloning"))
    if git.clone(decision.url, decision.ref, decision.directory, report):
        report(f"{decision.name}: cloned in {time.monotonic() - began:.1f} s")
    elif there := git.existing_clone(decision.directory):
        # Another command was quicker; what it cloned may be something else.
        refuse_another(there, decision.directory, decision.url, decision.ref)
    return decision.directory


def _clone_words(decision: MakeClone, verb: str) -> str:
    at = f" at {decision.ref}" if decision.ref else ""
    return f"{decision.name}: {verb} {decision.url}{at} into {CLONES}/{decision.name}"


def _is_fallback(decision: Decision) -> TypeGuard[UseDirectory]:
    return isinstance(decision, UseDirectory) and decision.fallback


def _remembered(memory: Path) -> dict[str, str]:
    try:
        content = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        # Nothing is lost with it but the time to try the URL again.
        return {}
    return content if isinstance(content, dict) else {}


def _remember(memory: Path, before: Mapping[str, str], fallbacks: Mapping[str, Situation]) -> None:
    now = {name: situation.default_url.url for name, situation in fallbacks.items()}
    if now != before:
        write_private(memory, json.dumps(now).encode())


def _at_once(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Call a function for all items at the same time; the first error is raised when all have ended."""
    with ThreadPoolExecutor(max_workers=len(items)) as pool:
        futures = [pool.submit(function, item) for item in items]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            # Leaving the pool waits for its threads, and they for their processes.
            process.stop_all()
            raise
