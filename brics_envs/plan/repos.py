"""Where each dev repository's files come from: a pure decision. May import: errors, config.

In order: what ``--repo`` says; the clone (or whatever the user put there) in ``_dev_build_data/NAME``; a new
clone of the default URL; the built-in package, if the default URL cannot be reached.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from brics_envs.config.repos import BuiltinChoice, GitUrl, PathChoice, RepoChoice
from brics_envs.errors import ConfigError, EnvsError

CLONES = "_dev_build_data"
"""The folder of the clones, in the project's root."""

BUILTINS = "packages"
"""The folder of the built-in packages, in the project's root."""


@dataclass(frozen=True)
class ExistingClone:
    """What is in ``_dev_build_data/NAME``.

    :param origin: URL of its remote ``origin`` without credentials; none if it is no Git repository or has
        none.
    :param cloned_ref: the REF that ``invoke clone`` noted (``""``: the default branch), none if it noted
        nothing.
    :param heads: names of what is checked out: branch, tags, commit.
    """

    origin: str | None
    cloned_ref: str | None = None
    heads: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Situation:
    """What is known about a repository before anything is done.

    :param kept_builtin: the instance was made with the built-in package because this default URL was out of
        reach.
    """

    name: str
    project_root: Path
    default_url: GitUrl
    existing: ExistingClone | None = None
    kept_builtin: bool = False

    @property
    def clone_directory(self) -> Path:
        """Where it is, or would be, cloned."""
        return self.project_root / CLONES / self.name

    @property
    def builtin_directory(self) -> Path:
        """The built-in package."""
        return self.project_root / BUILTINS / self.name


@dataclass(frozen=True)
class UseDirectory:
    """Take the files of a directory as they are.

    :param why: one line for the user.
    :param fallback: it is the built-in package, and nobody asked for it.
    """

    name: str
    directory: Path
    why: str
    fallback: bool = False


@dataclass(frozen=True)
class MakeClone:
    """Clone ``url`` into ``directory``, which does not exist."""

    name: str
    directory: Path
    url: GitUrl
    ref: str | None


@dataclass(frozen=True)
class TryDefault:
    """Find out whether the default URL can be reached; then :func:`settle`."""

    situation: Situation = field(repr=False)

    @property
    def name(self) -> str:
        """The repository's name."""
        return self.situation.name


Decision: TypeAlias = UseDirectory | MakeClone
"""What remains to be done for a repository."""


def decide(situation: Situation, choice: RepoChoice | None, *, allow_builtin: bool) -> Decision | TryDefault:
    """Decide where a repository's files come from.

    :param choice: the ``--repo`` flag of this repository, if there was one.
    :param allow_builtin: whether the built-in package may be used without having been asked for.
    :raises ConfigError: the clone that exists is of another origin or REF than ``choice`` says.
    """
    name, directory = situation.name, situation.clone_directory
    if isinstance(choice, BuiltinChoice):
        return UseDirectory(name, situation.builtin_directory, f"{name}: the built-in package, as requested")
    if isinstance(choice, PathChoice):
        return UseDirectory(name, choice.path, f"{name}: {choice.path}, copied into the image")
    if choice is not None and situation.existing is not None:
        refuse_another(situation.existing, directory, choice.url, choice.ref)
    if situation.existing is not None:
        return UseDirectory(name, directory, f"{name}: {CLONES}/{name}, as it is")
    if choice is not None:
        return MakeClone(name, directory, choice.url, choice.ref)
    if allow_builtin and situation.kept_builtin:
        why = f"{name}: still the built-in package; `invoke clone` tries {situation.default_url} again"
        return UseDirectory(name, situation.builtin_directory, why, fallback=True)
    return TryDefault(situation)


def settle(asked: TryDefault, unreachable: str, *, allow_builtin: bool) -> Decision:
    """Decide after the default URL was tried.

    :param unreachable: why it cannot be reached, one line; ``""`` if it can.
    :raises EnvsError: it cannot be reached, and the built-in package may not be used.
    """
    situation = asked.situation
    if not unreachable:
        return MakeClone(situation.name, situation.clone_directory, situation.default_url, None)
    problem = f"{situation.name}: {situation.default_url} cannot be reached ({unreachable})"
    if not allow_builtin:
        hint = (
            f"--repo {situation.name}=builtin uses the built-in package, --repo {situation.name}=PATH another"
        )
        raise EnvsError(problem, hint=hint)
    why = f"{problem}: using the built-in package"
    return UseDirectory(situation.name, situation.builtin_directory, why, fallback=True)


def refuse_another(existing: ExistingClone, directory: Path, url: GitUrl, ref: str | None) -> None:
    """Refuse an existing clone that is not what was asked for.

    :raises ConfigError: it has another origin or REF.
    """
    problem = ""
    if existing.origin is None:
        problem = f"{directory} exists and is not a clone of {url}"
    elif comparable(existing.origin) != comparable(url.url):
        problem = f"{directory} exists and is a clone of {existing.origin}, not of {url}"
    elif not _has_ref(existing, ref):
        is_at = (
            existing.cloned_ref if existing.cloned_ref is not None else " or ".join(sorted(existing.heads))
        )
        problem = (
            f"{directory} exists at {is_at or 'the default branch'}, not at {ref or 'the default branch'}"
        )
    if problem:
        raise ConfigError(
            problem,
            hint="an existing clone is never changed automatically: "
            f"`invoke clone --update --repo {directory.name}=URL[@REF]` switches its REF, "
            f"--repo {directory.name}={directory} uses it as it is; or move it away",
        )


def _has_ref(existing: ExistingClone, ref: str | None) -> bool:
    if existing.cloned_ref is not None:
        return existing.cloned_ref == (ref or "")
    # Cloned by hand: without a REF anything will do, since nobody knows what the default branch was.
    return ref is None or any(head == ref or _is_commit(head, ref) for head in existing.heads)


def _is_commit(head: str, ref: str) -> bool:
    return len(ref) >= 7 and len(head) in (40, 64) and head.startswith(ref.lower())


def comparable(url: str) -> str:
    """Return a URL such that equal places compare equal.

    Without credentials, ``.git``, last slash and ``file://``; the host in lower case.
    """
    url = url.rstrip("/").removesuffix(".git").rstrip("/").removeprefix("file://")
    if "://" not in url:
        return url
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    keep = userinfo + at if parts.scheme not in ("http", "https") else ""
    return parts._replace(netloc=keep + host.lower()).geturl()
