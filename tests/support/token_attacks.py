"""Tokens that must be refused, and as many forms of valid ones: what they are called → how they are made."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from packages.bricsauthenticator.tests.forgery import BAD_SHORT_NAMES, encoded
from tests.support.token_forger import EC_KEY, OTHER_JWK, OTHER_KEY, OTHER_PUBLIC, Forger, project

LATER_S = 10 * 24 * 3600
"""Seconds from when this is read until the future, which must not begin before a long run of tests ends."""


def wrong_times() -> dict[str, dict[str, Any]]:
    now = int(time.time())
    return {
        "expired": {"exp": now - 60},
        "expired long ago": {"iat": 0, "exp": 1},
        "issued in the future": {"iat": now + LATER_S, "exp": now + 2 * LATER_S},
        "not valid before the future": {"nbf": now + LATER_S, "exp": now + 2 * LATER_S},
        "exp a string": {"exp": str(now + LATER_S)},
        "exp true": {"exp": True},
        "exp infinite": {"exp": float("inf")},
        "iat a list": {"iat": [now]},
    }


RESOURCE = {"name": "brics.dev", "username": "testuser.project1"}


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "wrong issuer": {"iss": "https://attacker.example"},
    "issuer with a slash": {"iss": "SLASH"},
    "wrong audience": {"aud": "other"},
    "wrong audiences": {"aud": ["other", "more"]},
    "no audience": {"aud": []},
    "part of the audience": {"aud": "brics"},
    **{f"without {n}": {n: ...} for n in ("aud", "exp", "iss", "iat", "short_name", "projects")},
    **{f"{n} null": {n: None} for n in ("aud", "exp", "iss", "iat", "short_name", "projects")},
    **wrong_times(),
    "projects a number": {"projects": 7},
    "projects a list": {"projects": [project()]},
    "projects true": {"projects": True},
    "projects not JSON": {"projects": "{nonsense"},
    "projects JSON of a list": {"projects": "[]"},
    "projects nested deeply": {"projects": "[" * 20_000},
    "projects with a key twice": {"projects": '{"a.brics": {}, "a.brics": {}}'},
    "projects empty": {"projects": {}},
    "projects an empty string": {"projects": ""},
    "projects an empty object as a string": {"projects": "{}"},
    "a foreign platform only": {"projects": project(platform="brics.elsewhere")},
    "no resources": {"projects": {"project1.brics": {"name": "x", "resources": []}}},
    "resources an object": {"projects": {"project1.brics": {"name": "x", "resources": RESOURCE}}},
    "no human name": {"projects": {"project1.brics": {"resources": [RESOURCE]}}},
    "another user's account": {"projects": project(user="otheruser")},
    "root's account": {
        "projects": {"project1.brics": {"name": "x", "resources": [{**RESOURCE, "username": "root"}]}}
    },
    "an account that is a shell's": {
        "projects": {"p.brics": {"name": "x", "resources": [{**RESOURCE, "username": "testuser.p;id"}]}}
    },
    "a project above": {"projects": {"..brics": {"name": "x", "resources": [RESOURCE]}}},
    "two accounts of one project": {
        "projects": {
            "project1.brics": {
                "name": "x",
                "resources": [RESOURCE, {**RESOURCE, "username": "testuser.project2"}],
            }
        }
    },
    **{f"short_name {number}": {"short_name": name} for number, name in enumerate(BAD_SHORT_NAMES)},
    "short_name a number": {"short_name": 7},
    "short_name a list": {"short_name": ["testuser"]},
    "short_name in another alphabet": {"short_name": "t\N{CYRILLIC SMALL LETTER IE}stuser"},
    "short_name in full width": {"short_name": "\N{FULLWIDTH LATIN SMALL LETTER T}estuser"},
    "short_name in capitals": {"short_name": "TESTUSER"},
    "short_name with a long s": {"short_name": "te\N{LATIN SMALL LETTER LONG S}tuser"},
    "short_name with a joiner": {"short_name": "test\N{ZERO WIDTH JOINER}user"},
    "short_name with a slash": {"short_name": "testuser/../otheruser"},
    "short_name with a newline": {"short_name": "testuser\n"},
}


FORGERIES: dict[str, Callable[[Forger], str]] = {
    **{
        f"alg {name!r}": partial(Forger.unsigned, algorithm=name)
        for name in ("none", "None", "nOnE", "", None)
    },
    "HS256 with the public key": lambda f: f.hmac(f.pem),
    "HS256 with the public key's text": lambda f: f.hmac(f.pem.strip()),
    "HS256 with the modulus": lambda f: f.hmac(f.jwk["n"].encode()),
    "HS256 with the JWK": lambda f: f.hmac(json.dumps(f.public).encode()),
    "HS256 with nothing": lambda f: f.hmac(b""),
    "wrong key": lambda f: f.sign(key=OTHER_KEY),
    "wrong key of another kind": lambda f: f.sign(key=EC_KEY, algorithm="ES256"),
    "algorithm that is not the key's": lambda f: f.sign(algorithm="RS512"),
    "unknown key ID": lambda f: f.sign(key=OTHER_KEY, kid="other"),
    "key ID of a path": lambda f: f.sign(key=OTHER_KEY, kid="../../../dev/null"),
    "key ID of a query": lambda f: f.sign(key=OTHER_KEY, kid="x' UNION SELECT 'key"),
    "key ID a number": lambda f: f"{encoded({'alg': 'RS256', 'kid': 1})}.{encoded(f.claims())}.AAAA",
    "embedded jwk": lambda f: f.sign(key=OTHER_KEY, jwk=OTHER_PUBLIC),
    "embedded jwk, unknown key ID": lambda f: f.sign(key=OTHER_KEY, jwk=OTHER_PUBLIC, kid=OTHER_JWK["kid"]),
    "embedded jwk, right key": lambda f: f.sign(jwk=f.public),
    "jku": lambda f: f.sign(key=OTHER_KEY, jku="http://127.0.0.1:8000/jwks", kid=OTHER_JWK["kid"]),
    "jku, right key": lambda f: f.sign(jku=f"{f.issuer}/openid/jwks"),
    "x5u": lambda f: f.sign(key=OTHER_KEY, x5u="http://127.0.0.1:8000/cert", kid=OTHER_JWK["kid"]),
    "x5u, right key": lambda f: f.sign(x5u=f"{f.issuer}/cert"),
    "x5c": lambda f: f.sign(key=OTHER_KEY, x5c=["MIIB"]),
    "crit": lambda f: f.sign(crit=["exp"], exp=1),
    "access token": lambda f: f.sign(typ="at+jwt"),
    "payload not JSON": lambda f: f.sign(b"nonsense"),
    "payload a list": lambda f: f.sign([]),
    "payload null": lambda f: f.sign(None),
    "payload nested deeply": lambda f: f.sign(b"[" * 20_000),
    "payload changed": lambda f: swapped(f.sign(), 1, encoded(f.claims(short_name="otheruser"))),
    "signature changed": lambda f: swapped(f.sign(), 2, "AAAA"),
    "no signature": lambda f: swapped(f.sign(), 2, ""),
    "two segments": lambda f: f.sign().rpartition(".")[0],
    "five segments": lambda f: f"{f.sign()}.AAAA.AAAA",
    "twice": lambda f: f"{f.sign()},{f.sign()}",
    "with Bearer": lambda f: f"Bearer {f.sign()}",
    "dots": lambda f: "..",
    "nothing": lambda f: "",
    "not base64": lambda f: "!!!.???.###",
    "not ASCII": lambda f: "caf\u00e9.caf\u00e9.caf\u00e9",
    "of 50,000 characters": lambda f: "a" * 50_000,
}


def swapped(token: str, position: int, segment: str) -> str:
    segments = token.split(".")
    segments[position] = segment
    return ".".join(segments)


AUDIENCES: list[Any] = ["brics-jupyterhub", ["brics-jupyterhub"], ["other", "brics-jupyterhub"]]


PROJECTS: list[Any] = [
    project(),
    json.dumps(project() | project("project2")),
    project() | project("x", platform="brics.elsewhere"),
    {"project1.brics": {"name": "Pr\u00f6jekt <b>1</b>", "resources": [RESOURCE]}},
]


HEADERS: list[dict[str, Any]] = [{}, {"typ": "jwt"}, {"kid": ...}, {"x5t": "abc"}]


AGES_S = [0, 0.5, -2]
"""Seconds since it was issued; also by a clock that is ahead."""


VARIATIONS = list(itertools.product(AUDIENCES, PROJECTS, HEADERS, AGES_S))


def variation(forger: Forger, number: int) -> str:
    """A valid token, another for each number below ``len(VARIATIONS)``."""
    audience, projects, header, age = VARIATIONS[number]
    claims = forger.claims(aud=audience, projects=projects, iat=time.time() - age)
    return forger.sign(claims, **header)


OTHER_PROJECT = project("project2")


VALID: dict[str, Callable[[Forger], str]] = {
    "as it is": lambda f: f.sign(),
    "audience in a list": lambda f: f.with_claims(aud=["brics-jupyterhub"]),
    "several audiences": lambda f: f.with_claims(aud=["other", "brics-jupyterhub"]),
    "no sub": lambda f: f.with_claims(sub=...),
    "sub a number": lambda f: f.with_claims(sub=7),
    "fractions of a second": lambda f: f.with_claims(iat=time.time() - 0.5, exp=time.time() + 600.5),
    "issued two seconds ahead": lambda f: f.with_claims(iat=int(time.time()) + 2),
    "just expired": lambda f: f.with_claims(exp=int(time.time()) - 1),
    "valid since the past": lambda f: f.with_claims(nbf=int(time.time()) - 60),
    "expires in a century": lambda f: f.with_claims(exp=int(time.time()) + 3_000_000_000),
    "projects as a string": lambda f: f.with_claims(projects=json.dumps(project())),
    "two projects": lambda f: f.with_claims(projects=project() | OTHER_PROJECT),
    "a foreign platform too": lambda f: f.with_claims(projects=project() | project("x", platform="other")),
    "two resources of a project": lambda f: f.with_claims(
        projects={"project1.brics": {"name": "x", "resources": [RESOURCE, {"name": "o", "username": "u"}]}}
    ),
    "a human name in Unicode": lambda f: f.with_claims(
        projects={"project1.brics": {"name": "Pröjekt <b>1</b>", "resources": [RESOURCE]}}
    ),
    "other claims": lambda f: f.with_claims(nonce="x", email="a@b.example", groups=["g"], azp="y"),
    "32 KiB": lambda f: f.with_claims(padding="x" * 24_000),
    "no key ID": lambda f: f.sign(kid=...),
    "typ in small letters": lambda f: f.sign(typ="jwt"),
    "no typ": lambda f: f.sign(typ=None),
    "a thumbprint in the header": lambda f: f.sign(x5t="abc"),
}
