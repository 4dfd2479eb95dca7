"""What an instance is made of, as far as somebody chose it: base images and dev repositories. Pure.

May import: config, plan.

There is one record of it for each instance. What was asked for is kept until something else is asked for; so is what
was decided for want of a choice, so that a registry or a Git host that comes and goes changes nothing that runs.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from brics_envs.config.repos import BUILTIN, REPOSITORIES, RepoChoice, choice_of, names_of
from brics_envs.plan.names import ANNOTATION_SOURCES
from brics_envs.plan.overlay import Document, the_pod

BaseSource = Literal["registry", "local"]
"""Where a base image comes from."""

CLONE = "clone"
"""A :attr:`RepoSource.source`: what is in ``_dev_build_data/NAME``, without anybody having asked for it."""


LIVE = ", live"
"""What the words for a :attr:`RepoSource.live` one end in."""


@dataclass(frozen=True)
class RepoSource:
    """Where a dev repository comes from.

    :param source: as behind ``--repo NAME=``, without credentials, or :data:`CLONE`.
    :param asked: whether ``--repo`` said so; otherwise it was found so, or is the built-in package because ``tried``,
        the default URL, was out of reach.
    :param live: whether its directory is mounted where the image has its copy.
    """

    source: str
    asked: bool = False
    tried: str = ""
    live: bool = False

    def words(self, name: str) -> str:
        """For the user."""
        words = {BUILTIN: "built-in", CLONE: f"_dev_build_data/{name}"}.get(self.source, self.source)
        return f"{words}{LIVE}" if self.live else words


@dataclass(frozen=True)
class Sources:
    """The record. ``bases``: key of versions.yaml's ``registry_images`` → where that base comes from.

    ``stage`` is that of the images: what was chosen for development does not count in production.
    """

    stage: str
    bases: Mapping[str, BaseSource] = field(default_factory=dict)
    repositories: Mapping[str, RepoSource] = field(default_factory=dict)

    def kept_choices(self, given: Iterable[RepoChoice]) -> tuple[RepoChoice, ...]:
        """The ``--repo`` flags, and behind them what earlier ones asked for.

        :param given: the flags of this command.
        """
        now = names_of(given)
        kept = {
            name: choice_of(name, source.source)
            for name, source in self.repositories.items()
            if source.asked and name not in now
        }
        return (*now.values(), *kept.values())

    def are_live(self, given: Iterable[RepoChoice], *, live: bool) -> dict[str, bool]:
        """Which repositories are live, by their names: those that are given, or all, with ``--live``.

        Others stay as they are.

        :param given: the ``--repo`` flags of this command.
        :param live: ``--live``.
        """
        now = names_of(given)
        kept = {name: source.live for name, source in self.repositories.items()}
        return {
            name: live if name in now or (live and not now) else kept.get(name, False)
            for name in REPOSITORIES
        }

    def kept_builtins(self) -> dict[str, str]:
        """The built-in packages that nobody asked for: name → default URL that was out of reach."""
        return {name: source.tried for name, source in self.repositories.items() if source.tried}

    def updated(self, bases: Mapping[str, BaseSource], repositories: Mapping[str, RepoSource]) -> Sources:
        """With what was chosen now; what this environment does not need stays as it was."""
        return replace(
            self, bases={**self.bases, **bases}, repositories={**self.repositories, **repositories}
        )

    def words(self) -> dict[str, str]:
        """For the user: what comes from somewhere → where it comes from."""
        bases = {f"base image of {name}": where for name, where in self.bases.items()}
        return bases | {name: source.words(name) for name, source in self.repositories.items()}

    def to_json(self) -> str:
        """As it is written down."""
        return json.dumps(asdict(self), sort_keys=True)


def changes(before: Sources, now: Sources) -> list[str]:
    """What comes from elsewhere than before, in a line each; what is new is no change."""
    old, new = before.words(), now.words()
    return [f"{what}: {old[what]} → {where}" for what, where in new.items() if old.get(what, where) != where]


def with_sources(documents: list[Document], sources: Sources) -> list[Document]:
    """The manifest with the record as an annotation of its pod."""
    annotated = copy.deepcopy(documents)
    the_pod(annotated)["metadata"].setdefault("annotations", {})[ANNOTATION_SOURCES] = sources.to_json()
    return annotated


def parse_sources(text: str) -> Sources | None:
    """The record in a JSON text, as :meth:`Sources.to_json` wrote it; none if it is not one."""
    try:
        values = json.loads(text)
        return Sources(
            stage=str(values["stage"]),
            bases={str(name): _base(where) for name, where in values["bases"].items()},
            repositories={
                name: _repository(name, source)
                for name, source in values["repositories"].items()
                if name in REPOSITORIES
            },
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def parse_kept_builtins(text: str) -> Sources | None:
    """The record in older versions' ``builtin.json``: name → default URL that was out of reach."""
    try:
        urls = {name: str(url) for name, url in json.loads(text).items() if name in REPOSITORIES}
    except (ValueError, AttributeError):
        return None
    # Only images for development were made with these unasked.
    return Sources("dev", {}, {name: RepoSource(BUILTIN, tried=url) for name, url in urls.items()})


def _base(where: object) -> BaseSource:
    if where == "registry" or where == "local":
        return where
    raise ValueError(where)


def _repository(name: str, values: Mapping[str, Any]) -> RepoSource:
    live = bool(values.get("live", False))
    found = RepoSource(str(values["source"]), bool(values["asked"]), str(values["tried"]), live)
    if found.asked:
        choice_of(name, found.source)
    return found
