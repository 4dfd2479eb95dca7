"""``invoke clone``: the dev repositories in ``_dev_build_data``. May import: config, lifecycle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from brics_envs.config.repos import RepoChoice
from brics_envs.lifecycle.repositories import carry_out, decide_all, no_package, observe


def clone(
    project_root: Path, choices: tuple[RepoChoice, ...], report: Callable[[str], None]
) -> dict[str, Path]:
    """Clone what can be cloned, whatever an instance was made with; return name → directory.

    :param choices: the ``--repo`` flags.
    :param report: is given lines of progress, from several threads.
    :raises ConfigError: an existing clone is of another origin or REF, or what is given is no package.
    :raises EnvsError: a repository that was given cannot be cloned.
    """
    decisions = decide_all(observe(project_root, choices, {}), choices, allow_builtin=True)
    return carry_out(decisions, report, no_package)
