"""``invoke clone``: dev repositories in ``_dev_build_data``. May import: errors, config, plan, effects, lifecycle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from brics_envs.config.repos import REPOSITORIES, RepoChoice, UrlChoice, names_of, parse_url
from brics_envs.effects.clone_update import update as update_clone
from brics_envs.effects.git import existing_clone
from brics_envs.errors import ConfigError
from brics_envs.lifecycle.report import say
from brics_envs.lifecycle.repositories import carry_out, decide_all, no_package, observe
from brics_envs.plan.repos import CLONES, refuse_another

__all__ = ["clone", "say"]


def clone(
    project_root: Path,
    choices: tuple[RepoChoice, ...],
    report: Callable[[str], None],
    *,
    update: bool = False,
) -> dict[str, Path]:
    """Clone what can be cloned, whatever an instance was made with; return name → directory.

    :param update: bring clones that are there up to date, or to the REF of their choice.

    :param choices: the ``--repo`` flags.
    :param report: is given lines of progress, from several threads.
    :raises ConfigError: an existing clone is of another origin or REF, or what is given is no package.
    :raises EnvsError: a repository that was given cannot be cloned.
    """
    if update:
        _update(project_root, choices, report)
    decisions = decide_all(observe(project_root, choices, {}), choices, allow_builtin=True)
    return carry_out(decisions, report, no_package)


def _update(root: Path, choices: tuple[RepoChoice, ...], report: Callable[[str], None]) -> None:
    """Update the clones that are there: those of the choices, or all."""
    chosen = names_of(choices)
    if wrong := [name for name, choice in chosen.items() if not isinstance(choice, UrlChoice)]:
        raise ConfigError(f"--repo {wrong[0]}: --update is for clones", hint=f"give {wrong[0]}=URL[@REF]")
    for name in chosen or REPOSITORIES:
        choice, directory = chosen.get(name), root / CLONES / name
        existing = existing_clone(directory)
        if existing is None:
            continue
        if isinstance(choice, UrlChoice):
            ref = choice.ref or ""
            refuse_another(replace(existing, cloned_ref=ref), directory, choice.url, choice.ref)
            update_clone(directory, choice.url, ref, report)
        elif existing.origin is None:
            report(f"{name}: {CLONES}/{name} has no origin: it stays as it is")
        else:
            update_clone(directory, parse_url(existing.origin), None, report)
