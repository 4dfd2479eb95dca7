"""A project folder whose dev repositories come from where a test wants them to."""

from __future__ import annotations

from pathlib import Path

import yaml

from brics_envs.config.repos import parse_choices
from brics_envs.lifecycle.repositories import fetch_repositories
from brics_envs.lifecycle.sources import Chosen, choose_sources, load_sources, save_sources
from brics_envs.plan.images import RepoSnapshot
from brics_envs.plan.names import Instance
from tests.support.checkout import PROJECT
from tests.support.git_repositories import INTERFACE

NAME, OTHER = "bricsauthenticator", "slurmspawner_wrappers"


class Project:
    """A project folder of its own, whose default URLs are what a test wants them to be."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lines: list[str] = []
        self.instance = root / "_build" / "default"
        for name in (NAME, OTHER):
            (root / "packages" / name).mkdir(parents=True)
            (root / "packages" / name / "pyproject.toml").write_text(
                f'[project]\nname = "{name}"\nversion = "3"\n{INTERFACE}'
            )
        self.set_defaults("git://127.0.0.1:1/nothing")

    def set_defaults(self, url: str) -> None:
        versions = yaml.safe_load((PROJECT / "config" / "versions.yaml").read_text())
        versions["repositories"] = dict.fromkeys((NAME, OTHER), url)
        (self.root / "config").mkdir(exist_ok=True)
        (self.root / "config" / "versions.yaml").write_text(yaml.safe_dump(versions))

    def choose(self, *repos: str, allow_builtin: bool = True) -> Chosen:
        """Where an instance's repositories would come from, with these --repo flags; writes nothing."""
        return choose_sources(
            self.root,
            load_sources(self.instance, Instance("lc-none"), "dev" if allow_builtin else "prod"),
            images=("jupyterhub", "slurm"),
            choices=parse_choices(repos, self.root),
            base="local",
            strict=not allow_builtin,
        )

    def up(self, *repos: str, allow_builtin: bool = True) -> dict[str, RepoSnapshot]:
        """The snapshots that an instance's images would be built from; NAME alone asks for the built-in package."""
        values = [value if "=" in value else f"{value}=builtin" for value in repos]
        self.lines.clear()
        chosen = self.choose(*values, allow_builtin=allow_builtin)
        self.lines += chosen.lines
        save_sources(self.instance, chosen.now)
        return fetch_repositories(chosen.decisions, self.instance, self.lines.append)

    def one(self, value: str) -> RepoSnapshot:
        """Get NAME from ``value``, and the other one from the built-in package."""
        return self.up(f"{NAME}={value}", OTHER)[NAME]

    @property
    def clone(self) -> Path:
        return self.root / "_dev_build_data" / NAME

    @property
    def leftovers(self) -> list[str]:
        """What is beside the clones, locks left out."""
        folder = self.root / "_dev_build_data"
        found = [path.name for path in folder.iterdir()] if folder.exists() else []
        return sorted(name for name in found if not name.endswith(".lock") and name not in (NAME, OTHER))
