"""The users of a development environment: ``config/ENV/dev_users``. May import: errors, config."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from brics_envs.config.yaml_file import read_text
from brics_envs.errors import ConfigError

PORTAL = "brics"
"""The part after the dot of a project's key in the ``projects`` claim."""

MAX_LENGTH = 32
"""Longest ``<USER>.<PROJECT>``, characters: Linux's limit for a user name (useradd(8))."""

NAME = re.compile(r"[a-z_][a-z0-9_-]*")
"""What ``<USER>`` and ``<PROJECT>`` may be: useradd(8)'s form of a name."""

BLANKS = " \t\r\n"
"""What may be around an account: not all that Unicode calls a blank, of which some look like nothing at all."""

FORMAT = "<USER>.<PROJECT>, both of a-z, 0-9, _ and -, beginning with a letter or _"


@dataclass(frozen=True, order=True)
class DevUser:
    """One line of dev_users: a Unix account for a user in a project."""

    user: str
    project: str

    @property
    def account(self) -> str:
        """``<USER>.<PROJECT>``, the Unix account."""
        return f"{self.user}.{self.project}"

    @property
    def project_key(self) -> str:
        """``<PROJECT>.brics``, the project's key in the ``projects`` claim."""
        return f"{self.project}.{PORTAL}"

    @property
    def project_name(self) -> str:
        """``Project <PROJECT>``, the project's name for people."""
        return f"Project {self.project}"


def load_dev_users(path: Path) -> tuple[DevUser, ...]:
    """The accounts of a dev_users file, in its order.

    :raises ConfigError: no such file, or a line that is refused; every such line with its reason.
    """
    if not path.exists():
        example = path.with_name("dev_users.example")
        hint = f"one user per line: {FORMAT}"
        if example.exists():
            hint += f"; `cp {example} {path}` copies the example"
        raise ConfigError(f"{path}: no such file; it lists the users", hint=hint)
    return parse_dev_users(read_text(path), str(path))


def parse_dev_users(text: str, source: str) -> tuple[DevUser, ...]:
    """The accounts in the text of a dev_users file; blank lines and ``#`` comments are left out.

    :param source: the file's name, for the error.
    :raises ConfigError: a line that is refused, or no account at all.
    """
    lines = (
        (number, line.split("#", 1)[0].strip(BLANKS)) for number, line in enumerate(text.split("\n"), start=1)
    )
    try:
        return _accounts([(number, entry) for number, entry in lines if entry], "already in line {}")
    except DevUsersError as error:
        problems = [f"{source}:{one.place}: {one}" for one in error.problems] or [
            f"{source}: it lists no users"
        ]
        raise ConfigError("\n".join(problems), hint=f"one user per line: {FORMAT}") from None


def parse_words(text: str) -> tuple[DevUser, ...]:
    """The accounts in a text with blanks between them, in its order.

    :raises DevUsersError: a word that is refused, or no account at all.
    """
    words = [word for word in re.split(f"[{BLANKS}]+", text) if word]
    return _accounts(list(enumerate(words, start=1)), "already word {}")


@dataclass(frozen=True)
class Refused:
    """An entry that is no account, or a second time the same; ``place`` is its line or its number."""

    place: int
    entry: str
    reason: str

    def __str__(self) -> str:
        return f"{self.entry!r}: {self.reason}"


class DevUsersError(ValueError):
    """Entries are refused; no problems: there is no account at all."""

    def __init__(self, problems: Sequence[Refused]) -> None:
        super().__init__("; ".join(map(str, problems)) or "it lists no users")
        self.problems = problems


def _accounts(entries: Sequence[tuple[int, str]], repeated: str) -> tuple[DevUser, ...]:
    """The accounts of entries, each with its place.

    :param repeated: the reason to refuse an account that is there already, for the place of the first.
    """
    users: dict[DevUser, int] = {}
    problems: list[Refused] = []
    for place, entry in entries:
        reason = _refusal(entry)
        if not reason:
            user = DevUser(*entry.split("."))
            if user in users:
                reason = repeated.format(users[user])
            users.setdefault(user, place)
        if reason:
            problems.append(Refused(place, entry, reason))
    if problems or not users:
        raise DevUsersError(problems)
    return tuple(users)


def projects_by_user(users: Iterable[DevUser]) -> dict[str, dict[str, dict[str, str]]]:
    """The users in their order, each with their projects: what the containers get as JSON.

    :returns: ``{"<USER>": {"<PROJECT>.brics": {"name": "Project <PROJECT>", "username": "<USER>.<PROJECT>"}}}``
    """
    projects: dict[str, dict[str, dict[str, str]]] = {}
    for one in users:
        own = projects.setdefault(one.user, {})
        own[one.project_key] = {"name": one.project_name, "username": one.account}
    return projects


def _refusal(entry: str) -> str:
    parts = entry.split(".")
    if len(parts) != 2:
        return "needs exactly one dot, between <USER> and <PROJECT>"
    for name, what in zip(parts, ("<USER>", "<PROJECT>"), strict=True):
        if not name:
            return f"{what} is empty"
        if not NAME.fullmatch(name):
            return f"{what} may hold a-z, 0-9, _ and -, and begins with a letter or _"
    if len(entry) > MAX_LENGTH:
        return f"{len(entry)} characters; a Linux user name has at most {MAX_LENGTH}"
    return ""
