"""The dev repositories of a command: observe, decide, clone, take snapshots. May import: everything but cli.

Whether the default URLs can be reached is found out for both repositories at once, and only while nothing
else decides. An instance that was made with a built-in package, because the default URL was out of reach,
keeps it: a network that comes and goes must not change what runs there, and ``up`` on a running instance must
be quick. Once the network is back, ``invoke clone`` (or ``up`` after ``down``) clones; from then on such an
instance uses the clone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from brics_envs.config.package import missing_package_files, package_problem
from brics_envs.config.repos import (
    BUILTIN,
    REPOSITORIES,
    GitUrl,
    RepoChoice,
    UrlChoice,
    choice_text,
    names_of,
    parse_url,
)
from brics_envs.config.versions import load_versions
from brics_envs.effects import git
from brics_envs.effects.at_once import at_once
from brics_envs.effects.clone import clone
from brics_envs.effects.snapshot import digest_of, take_snapshot
from brics_envs.errors import ConfigError
from brics_envs.lifecycle.report import passing
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
from brics_envs.plan.sources import CLONE, RepoSource

CONTEXT = "context"
"""The folder of the snapshots, in an instance's folder."""

ProblemOf = Callable[[str, Path], str]
"""Tells, of a repository's name and directory, what is wrong with it; ``""`` if nothing is."""


def decide_repositories(
    project_root: Path,
    choices: Iterable[RepoChoice],
    kept_builtins: Mapping[str, str],
    allow_builtin: bool,
    names: Sequence[str] = REPOSITORIES,
) -> tuple[list[Decision], dict[str, RepoSource]]:
    """Decide for all repositories before anything is done for one of them.

    :param choices: the ``--repo`` flags, those of earlier commands that the instance keeps included.
    :param kept_builtins: of the instance: name → default URL that was out of reach.
    :param allow_builtin: whether a built-in package may be used without having been asked for (not for
        ``prod``).
    :param names: those that are needed.
    :returns: what remains to be done, and where each repository comes from.
    :raises ConfigError: an existing clone is of another origin or REF, or what is given is no package.
    :raises EnvsError: a repository cannot be reached.
    """
    chosen = [choice for choice in choices if choice.name in names]
    kept = kept_builtins if allow_builtin else {}
    situations = observe(project_root, chosen, kept, names)
    decisions = decide_all(situations, chosen, allow_builtin)
    _refuse(decisions, package_problem)
    asked = names_of(chosen)
    return decisions, {d.name: _source(d, asked.get(d.name), situations[d.name]) for d in decisions}


def fetch_repositories(
    decisions: Sequence[Decision], instance_dir: Path, report: Callable[[str], None]
) -> dict[str, RepoSnapshot]:
    """Get the repositories as it was decided, and take a snapshot of each for an instance's images.

    :param instance_dir: ``_build/INSTANCE``; the snapshots are in ``context/NAME`` below it.
    :param report: is given lines of progress, from several threads.
    :returns: name → snapshot.
    :raises EnvsError: a repository cannot be cloned or read.
    """
    used = carry_out(decisions, report, package_problem)
    names, context = list(used), instance_dir / CONTEXT
    snapshots = at_once(lambda name: take_snapshot(name, used[name], context / name), names)
    return dict(zip(names, snapshots, strict=True))


def preview_repositories(
    decisions: Sequence[Decision], instance_dir: Path
) -> tuple[list[str], dict[str, RepoSnapshot]]:
    """What :func:`fetch_repositories` would do, for ``--dry-run``; creates nothing.

    :returns: a line for each repository, and snapshots that were not taken: the digests are true, except for
        repositories that would have to be cloned first; the versions are not computed.
    :raises EnvsError: something cannot be read.
    """
    context = instance_dir / CONTEXT
    lines = [d.why if isinstance(d, UseDirectory) else _clone_words(d, "clone") for d in decisions]
    snapshots = {d.name: RepoSnapshot(d.name, context / d.name, "0+unknown", _digest(d)) for d in decisions}
    return lines, snapshots


def check_repositories(project_root: Path, choices: tuple[RepoChoice, ...]) -> None:
    """Refuse what does not fit what is there, before anything is created; asks no host.

    :raises ConfigError: a problem of config/versions.yaml, or as :func:`decide_repositories`.
    """
    chosen, situations = names_of(choices), observe(project_root, choices, {})
    decisions = {name: decide(s, chosen.get(name), allow_builtin=True) for name, s in situations.items()}
    _refuse(decisions.values(), no_package)
    _refuse([decisions[name] for name in chosen], package_problem)


def _source(decision: Decision, choice: RepoChoice | None, situation: Situation) -> RepoSource:
    if choice is not None:
        return RepoSource(choice_text(choice), asked=True)
    if isinstance(decision, UseDirectory) and decision.fallback:
        return RepoSource(BUILTIN, tried=situation.default_url.url)
    return RepoSource(CLONE)


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
    reasons = at_once(_why_unreachable, first)
    decisions = [
        settle(decision, reason, allow_builtin=allow_builtin)
        if isinstance(decision, TryDefault)
        else decision
        for decision, reason in zip(first, reasons, strict=True)
    ]
    _refuse(decisions, no_package)
    return decisions


def no_package(_name: str, directory: Path) -> str:
    """Whether it is a Python package of whatever kind."""
    return missing_package_files(directory)


def _refuse(decisions: Iterable[Decision | TryDefault], problem_of: ProblemOf) -> None:
    problems = {
        d.name: problem
        for d in decisions
        if isinstance(d, UseDirectory) and (problem := problem_of(d.name, d.directory))
    }
    if problems:
        raise ConfigError(
            "\n".join(f"{name}: {problem}" for name, problem in problems.items()),
            hint=f"an instance keeps its sources; --repo {next(iter(problems))}=PATH_OR_URL names another",
        )


def _why_unreachable(decision: Decision | TryDefault) -> str:
    return git.unreachable(decision.situation.default_url) if isinstance(decision, TryDefault) else ""


def carry_out(
    decisions: Sequence[Decision], report: Callable[[str], None], problem_of: ProblemOf
) -> dict[str, Path]:
    """Do what was decided; return each repository's directory.

    :param problem_of: tells why a new clone is not kept.
    """
    directories = at_once(lambda decision: _carry_out_one(decision, report, problem_of), decisions)
    return {decision.name: directory for decision, directory in zip(decisions, directories, strict=True)}


def _carry_out_one(decision: Decision, report: Callable[[str], None], problem_of: ProblemOf) -> Path:
    if isinstance(decision, UseDirectory):
        report(decision.why)
        return decision.directory
    began = time.monotonic()
    report(_clone_words(decision, "cloning"))
    if clone(decision.url, decision.ref, decision.directory, passing, problem_of):
        report(f"{decision.name}: cloned in {time.monotonic() - began:.1f} s")
    elif there := git.existing_clone(decision.directory):
        # Another command was quicker; what it cloned may be something else.
        refuse_another(there, decision.directory, decision.url, decision.ref)
    return decision.directory


def _clone_words(decision: MakeClone, verb: str) -> str:
    at = f" at {decision.ref}" if decision.ref else ""
    return f"{decision.name}: {verb} {decision.url}{at} into {CLONES}/{decision.name}"
