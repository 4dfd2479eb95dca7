"""Claims of a verified token → who signs in, with which projects. Pure.

The signature, issuer, audience and times have been checked before (``tokens``). Here the type and form of
every claim that is used are: a token from the right issuer can still hold anything. Imports: names.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bricsauthenticator.names import USER, Project, ProjectError, make_project

REQUIRED = ("aud", "exp", "iss", "iat", "short_name", "projects")


class ClaimsError(ValueError):
    """The claims do not have the agreed form. The message names the claim and never quotes its value."""


@dataclass(frozen=True)
class Identity:
    """Who signs in."""

    short_name: str
    projects: Mapping[str, Project]
    """By key ``<project>.<portal>``; only those with an account on the platform, so possibly none."""


def normalise(claims: object, platform: str) -> Identity:
    """The identity that a verified token's claims give on a platform.

    :param claims: the decoded payload.
    :param platform: the name of the resource that is this platform.
    :raises ClaimsError: a claim is missing or has the wrong type or form. Nothing else is raised.
    """
    if not isinstance(claims, Mapping):
        raise ClaimsError("the claims are not an object")
    missing = [name for name in REQUIRED if claims.get(name) is None]
    if missing:
        raise ClaimsError(f"missing: {', '.join(missing)}")
    for name in ("exp", "iat", "nbf"):
        _check_time(name, claims.get(name))
    short_name = claims["short_name"]
    if not isinstance(short_name, str) or not USER.fullmatch(short_name):
        raise ClaimsError("short_name: not a user name")
    return Identity(short_name, _projects(claims["projects"], short_name, platform))


def _check_time(name: str, value: object) -> None:
    """NumericDate of RFC 7519: a JSON number. Libraries also take strings and booleans."""
    if value is None:
        return
    number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    if not number or isinstance(value, bool):
        raise ClaimsError(f"{name}: not a number of seconds")


def _projects(claim: object, short_name: str, platform: str) -> dict[str, Project]:
    """The projects with a resource on the platform."""
    if isinstance(claim, str):
        claim = _from_json(claim)
    if not isinstance(claim, Mapping):
        raise ClaimsError("projects: not an object, nor a string that holds one")
    projects: dict[str, Project] = {}
    for key, entry in claim.items():
        accounts = {resource.get("username") for resource in _resources(entry, platform)}
        if not accounts:
            continue
        if len(accounts) > 1:
            raise ClaimsError("projects: one project has several accounts on this platform")
        projects[key] = _project(key, entry.get("name"), accounts.pop(), short_name)
    return projects


def _from_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except ClaimsError:
        raise
    except (ValueError, RecursionError):
        raise ClaimsError("projects: the string is not JSON") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ClaimsError("projects: a key occurs twice")
    return dict(pairs)


def _resources(entry: object, platform: str) -> list[Mapping[str, Any]]:
    """The resources of a project that are the platform."""
    resources = entry.get("resources") if isinstance(entry, Mapping) else None
    if not isinstance(resources, list):
        raise ClaimsError("projects: a project is not an object with a list of resources")
    found = []
    for resource in resources:
        if not isinstance(resource, Mapping) or not isinstance(resource.get("name"), str):
            raise ClaimsError("projects: a resource is not an object with a name")
        if resource["name"] == platform:
            if not isinstance(resource.get("username"), str):
                raise ClaimsError("projects: a resource has no username")
            found.append(resource)
    return found


def _project(key: object, title: object, username: object, short_name: str) -> Project:
    try:
        project = make_project(key, title, username)
    except ProjectError as error:
        raise ClaimsError(f"projects: {error}") from None
    if project.username != f"{short_name}.{project.name}":
        raise ClaimsError("projects: a username is that of another user")
    return project
