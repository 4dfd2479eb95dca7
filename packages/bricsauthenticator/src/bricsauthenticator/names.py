"""Projects and the forms of their names. Pure; imports nothing of this package.

Every name that can reach a command, a batch script or a path has one of these forms, so none needs quoting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

USER = re.compile(r"[a-z_][a-z0-9_-]{0,63}")
"""A user's short name: useradd(8)'s form, ASCII alone."""

PROJECT = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}")
"""The part of a project's key before the dot, and of an account after it."""

PORTAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
"""The part of a project's key after its first dot."""

MAX_TITLE = 200
"""Longest human-readable project name that is kept, characters."""


class ProjectError(ValueError):
    """A project's key, name or username has not the right form; the message says which and is harmless."""


@dataclass(frozen=True)
class Project:
    """A project in which a user has an account on this platform.

    :param key: ``<project>.<portal>``
    :param title: human-readable name: printable, otherwise arbitrary. Escape it.
    :param username: ``<user>.<project>``, the Unix account.
    """

    key: str
    title: str
    username: str

    @property
    def name(self) -> str:
        """``<project>``"""
        return self.key.partition(".")[0]

    @property
    def homedir(self) -> str:
        """The account's home directory on the platform."""
        return f"/home/{self.name}/{self.username}"


def make_project(key: object, title: object, username: object) -> Project:
    """A project from untrusted parts.

    :raises ProjectError: a part has the wrong type or form, or the account is that of another project.
    """
    if not isinstance(key, str) or not _is_key(key):
        raise ProjectError("a project's key is not of the form <project>.<portal>")
    if not isinstance(title, str):
        raise ProjectError("a project's name is not a string")
    if not isinstance(username, str):
        raise ProjectError("a project's username is not a string")
    user, _, project = username.partition(".")
    if not USER.fullmatch(user) or project != key.partition(".")[0]:
        raise ProjectError("a project's username is not of the form <user>.<project>")
    return Project(key, _printable(title), username)


def to_auth_state(projects: Mapping[str, Project]) -> dict[str, dict[str, str]]:
    """What JupyterHub keeps of a sign-in: ``{"<project>.<portal>": {"name": …, "username": …}}``."""
    return {key: {"name": project.title, "username": project.username} for key, project in projects.items()}


def from_auth_state(auth_state: object) -> dict[str, Project]:
    """The projects of an auth_state, which another authenticator may have made.

    :raises ProjectError: it does not have the form that :func:`to_auth_state` gives.
    """
    if auth_state is None:
        return {}
    if not isinstance(auth_state, Mapping):
        raise ProjectError("the sign-in's projects are not a mapping")
    projects = {}
    for key, entry in auth_state.items():
        if not isinstance(entry, Mapping):
            raise ProjectError("a project of the sign-in is not a mapping")
        projects[key] = make_project(key, entry.get("name"), entry.get("username"))
    return projects


def _is_key(key: str) -> bool:
    project, _, portal = key.partition(".")
    return bool(PROJECT.fullmatch(project) and PORTAL.fullmatch(portal))


def _printable(text: str) -> str:
    """The text with control characters and lone surrogates (which cannot be encoded) made spaces."""
    return "".join(char if char.isprintable() else " " for char in text[:MAX_TITLE])
