"""The dev repositories and ``--repo NAME=URL_OR_PATH[@REF]``. May import: errors, config.

Passwords and tokens in a URL are taken out of it here, so that nothing further down can show or store them by
accident: what is left of the URL (:attr:`GitUrl.url`) may be printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from brics_envs.config.package import missing_package_files
from brics_envs.errors import ConfigError

REPOSITORIES = ("bricsauthenticator", "slurmspawner_wrappers")
"""The dev repositories' names: in ``--repo``, below ``_dev_build_data`` and below ``packages``."""

BUILTIN = "builtin"
"""``--repo NAME=builtin`` asks for the package below ``packages``."""

SCHEMES = ("https", "http", "ssh", "git", "file")

ALLOWED = (
    f"NAME is {' or '.join(REPOSITORIES)}; its value is a path, a Git URL ({', '.join(SCHEMES)} or "
    f"user@host:path), optionally with @REF, or {BUILTIN}"
)


@dataclass(frozen=True)
class Credentials:
    """What a URL had before its host. Only Git is given it, and never as an argument."""

    username: str
    password: str


@dataclass(frozen=True)
class GitUrl:
    """A repository's address without secrets, and the secrets that it came with."""

    url: str
    credentials: Credentials | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        """The address without secrets."""
        return self.url


@dataclass(frozen=True)
class BuiltinChoice:
    """``NAME=builtin``."""

    name: str


@dataclass(frozen=True)
class PathChoice:
    """``NAME=PATH``: a directory that is used in place; ``path`` is absolute, without links."""

    name: str
    path: Path


@dataclass(frozen=True)
class UrlChoice:
    """``NAME=URL[@REF]``: to be cloned. ``ref`` is a branch, tag or commit; none means the default branch."""

    name: str
    url: GitUrl
    ref: str | None


RepoChoice: TypeAlias = BuiltinChoice | PathChoice | UrlChoice


def choice_text(choice: RepoChoice) -> str:
    """A choice as the value of ``--repo NAME=``; credentials are left out."""
    if isinstance(choice, BuiltinChoice):
        return BUILTIN
    if isinstance(choice, PathChoice):
        return str(choice.path)
    return f"{choice.url}@{choice.ref.replace('/', '%2F')}" if choice.ref else str(choice.url)


def choice_of(name: str, text: str) -> RepoChoice:
    """The choice that :func:`choice_text` wrote down; whether a path is still there is not looked at.

    :raises ValueError: it is no such text.
    """
    if text == BUILTIN:
        return BuiltinChoice(name)
    if text.startswith("/"):
        return PathChoice(name, Path(text))
    address, ref = _split_ref(text)
    return UrlChoice(name, parse_url(address), ref)


def parse_choices(values: Sequence[str], base: Path) -> tuple[RepoChoice, ...]:
    """Read the values of all ``--repo`` flags.

    :param values: each ``NAME=URL_OR_PATH[@REF]`` or ``NAME=builtin``.
    :param base: the directory that relative paths start from.
    :raises ConfigError: all that is wrong with them, and what is allowed.
    """
    choices: dict[str, RepoChoice] = {}
    problems: list[str] = []
    for value in values:
        try:
            choice = _parse(value, base)
            if choice.name in choices:
                raise ValueError(f"{choice.name} is given twice")
            choices[choice.name] = choice
        except ValueError as error:
            problems.append(f"--repo {without_credentials(value)}: {error}")
    if problems:
        raise ConfigError("\n".join(problems), hint=ALLOWED)
    return tuple(choices.values())


def parse_url(text: str) -> GitUrl:
    """Read a Git URL, and part it from its credentials.

    :raises ValueError: not a URL that can be cloned; the message has no credentials in it.
    """
    if "://" not in text:
        return _scp_like(text)
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("not a well-formed URL") from None
    _check_parts(parts)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return GitUrl(text)
    userinfo, _, host = parts.netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    credentials = Credentials(unquote(username), unquote(password))
    if not (credentials.username + credentials.password).isprintable():
        raise ValueError("the user name or password has unprintable characters")
    return GitUrl(parts._replace(netloc=host).geturl(), credentials)


def without_credentials(text: str) -> str:
    """Replace whatever may be a user name or password in a URL, well-formed or not, by ``***``."""
    for userinfo in (r"[^/]*", r".*(?=@[^@]*/)", r"[^/@]*:(?!\d+(?:/|$)).*"):
        text = re.sub(rf"(://){userinfo}@", r"\1***@", text, count=1)
    return text


def _parse(value: str, base: Path) -> RepoChoice:
    name, equals, source = value.partition("=")
    if not equals:
        raise ValueError("missing `NAME=`")
    if name not in REPOSITORIES:
        raise ValueError(f"{without_credentials(name)!r} is not a dev repository")
    if not source:
        raise ValueError("missing value after `=`")
    if not source.isprintable():
        raise ValueError("it has unprintable characters")
    if source == BUILTIN:
        return BuiltinChoice(name)
    if "://" in source or _SCP_LIKE.match(source):
        address, ref = _split_ref(source)
        return UrlChoice(name, parse_url(address), ref)
    return PathChoice(name, _package_directory(source, base))


_SCP_LIKE = re.compile(r"[^/:]+:")
"""A colon before the first slash means SSH, as for Git itself."""


def _split_ref(source: str) -> tuple[str, str | None]:
    """Part ``URL@REF`` at the first ``@`` behind the last slash (or behind the colon of ``host:path``)."""
    start = max(source.rfind("/"), source.find(":"))
    address, at, ref = source[start:].partition("@")
    if not at:
        return source, None
    # A slash in REF would hide its @ from us: feature/x is written feature%2Fx.
    return source[:start] + address, _checked_ref(unquote(ref))


def _checked_ref(ref: str) -> str:
    if not ref:
        raise ValueError("missing REF after `@`")
    if ref.startswith("-") or ".." in ref or re.search(r"[\s~^:?*\[\\\x00-\x1f\x7f]|@\{", ref):
        raise ValueError(f"{ref!r} is not the name of a branch, tag or commit")
    return ref


def _scp_like(text: str) -> GitUrl:
    host, _, path = text.partition(":")
    if not host or not path or host.startswith("-") or path.startswith((":", "-")):
        raise ValueError("not a URL that can be cloned")
    return GitUrl(text)


def _check_parts(parts: SplitResult) -> None:
    problem = ""
    if parts.scheme not in SCHEMES:
        problem = f"{parts.scheme}:// cannot be cloned"
    elif parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        problem = "file:// needs an absolute path: file:///PATH"
    elif parts.scheme != "file" and (not parts.hostname or parts.netloc.startswith("-")):
        problem = "the URL has no host"
    elif parts.scheme in ("http", "https") and (parts.query or parts.fragment):
        problem = "a URL to clone must not have ? or #"
    elif parts.scheme in ("ssh", "git") and parts.password is not None:
        problem = f"{parts.scheme}:// takes no password"
    if problem:
        raise ValueError(problem)


def _package_directory(source: str, base: Path) -> Path:
    try:
        path = (base / Path(source).expanduser()).resolve()
        if not path.is_dir():
            raise ValueError(_no_directory(path))
        problem = missing_package_files(path)
    except (OSError, RuntimeError) as error:
        raise ValueError(str(error)) from None
    if problem:
        raise ValueError(problem)
    return path


def _no_directory(path: Path) -> str:
    if path.exists():
        return f"{path} is not a directory"
    before, at, _ = path.name.rpartition("@")
    if at and before and (place := path.with_name(before)).is_dir():
        return f"a path is used as it is; to clone a REF of it, write file://{place}@REF"
    return f"{path} does not exist"


def names_of(choices: Iterable[RepoChoice]) -> dict[str, RepoChoice]:
    """Return the choices by repository name."""
    return {choice.name: choice for choice in choices}
