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

AMBIGUOUS = object()
"""The value of a key that occurs twice in one object: of no type that is expected anywhere."""


class ClaimsError(ValueError):
    """The claims do not have the agreed form. The message names the claim and never quotes its value."""


@dataclass(frozen=True)
class Identity:
    """Who signs in.

    :param projects: by key ``<project>.<portal>``; only those with an account on the platform, so possibly
        none.
    :param left_out: why projects were left out: one reason for each, which quotes nothing of the token.
    """

    short_name: str
    projects: Mapping[str, Project]
    left_out: tuple[str, ...] = ()


def normalise(claims: object, platform: str) -> Identity:
    """The identity that a verified token's claims give on a platform.

    :param claims: the decoded payload.
    :param platform: the name of the resource that is this platform.
    :raises ClaimsError: a claim is missing or has the wrong type or form. Nothing else is raised. One odd project is
        left out, with a reason in the identity's ``left_out``.
    """
    if not isinstance(claims, Mapping):
        raise ClaimsError("the claims are not an object")
    missing = [name for name in REQUIRED if claims.get(name) is None]
    if missing:
        raise ClaimsError(f"the token lacks the claim {', '.join(missing)}")
    for name in ("exp", "iat", "nbf"):
        _check_time(name, claims.get(name))
    short_name = claims["short_name"]
    if not isinstance(short_name, str) or not USER.fullmatch(short_name):
        raise ClaimsError("the claim short_name is not a user name")
    projects, left_out = _projects(claims["projects"], short_name, platform)
    return Identity(short_name, projects, left_out)


def _check_time(name: str, value: object) -> None:
    """NumericDate of RFC 7519: a JSON number. Libraries also take strings and booleans."""
    if value is None:
        return
    number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    if not number or isinstance(value, bool):
        raise ClaimsError(f"the claim {name} is not a number of seconds")


def _projects(claim: object, short_name: str, platform: str) -> tuple[dict[str, Project], tuple[str, ...]]:
    """The projects with a resource on the platform, and why others that are odd were left out."""
    if isinstance(claim, str):
        claim = _from_json(claim)
    if not isinstance(claim, Mapping):
        raise ClaimsError("the claim projects is neither an object nor a string that holds one")
    projects: dict[str, Project] = {}
    left_out: list[str] = []
    for key, entry in claim.items():
        try:
            project = _project(key, entry, short_name, platform)
        except ProjectError as error:
            left_out.append(str(error))
            continue
        if project is not None:
            projects[key] = project
    return projects, tuple(left_out)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise ClaimsError("the claim projects is a string that is not JSON") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which nothing counts that is said twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = AMBIGUOUS if key in found else value
    return found


def _project(key: object, entry: object, short_name: str, platform: str) -> Project | None:
    """The project of one member of the claim; None if it has nothing on the platform.

    :raises ProjectError: it has not the agreed form, or not one account of this user's.
    """
    if not isinstance(entry, Mapping):
        raise ProjectError("a project is not an object")
    accounts = _accounts(entry.get("resources"), platform)
    if not accounts:
        return None
    if len(accounts) > 1:
        raise ProjectError("a project has several accounts on this platform")
    project = make_project(key, entry.get("name"), accounts.pop())
    if project.username != f"{short_name}.{project.name}":
        raise ProjectError("a project's username is that of another user")
    return project


def _accounts(resources: object, platform: str) -> set[str]:
    """The usernames of the resources that are the platform."""
    if not isinstance(resources, list):
        raise ProjectError("a project has no list of resources")
    accounts = set()
    for resource in resources:
        if not isinstance(resource, Mapping) or not isinstance(resource.get("name"), str):
            raise ProjectError("a resource of a project is not an object with a name")
        if resource["name"] == platform:
            if not isinstance(resource.get("username"), str):
                raise ProjectError("a resource of a project has no username")
            accounts.add(resource["username"])
    return accounts
