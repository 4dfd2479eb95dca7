"""The users of a development environment: ``config/ENV/dev_users``. May import: errors, config."""

from __future__ import annotations

import re
from collections.abc import Iterable
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

FORMAT = "<USER>.<PROJECT>, each of a-z, 0-9, _ and -, beginning with a letter or _"


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
        hint = f"write one {FORMAT} a line"
        if example.exists():
            hint += f"; `cp {example} {path}` gives you an example"
        raise ConfigError(f"{path}: no such file: it says which users exist", hint=hint)
    return parse_dev_users(read_text(path), str(path))


def parse_dev_users(text: str, source: str) -> tuple[DevUser, ...]:
    """The accounts in the text of a dev_users file; blank lines and ``#`` comments are left out.

    :param source: the file's name, for the error.
    :raises ConfigError: a line that is refused, or no account at all.
    """
    users: dict[DevUser, int] = {}
    problems: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        entry = line.split("#", 1)[0].strip()
        if not entry:
            continue
        reason = _refusal(entry)
        if reason:
            problems.append(f"{source}:{number}: {entry!r}: {reason}")
            continue
        user = DevUser(*entry.split("."))
        if user in users:
            problems.append(f"{source}:{number}: {entry!r}: already in line {users[user]}")
        users.setdefault(user, number)
    if not users and not problems:
        problems.append(f"{source}: no user in it")
    if problems:
        raise ConfigError("\n".join(problems), hint=f"one {FORMAT} a line")
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
