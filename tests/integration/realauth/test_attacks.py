"""Tokens at the running hub: attacks are refused without a session, and the hub goes on to accept valid ones."""

from __future__ import annotations

import http.client
import itertools
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from packages.bricsauthenticator.tests.forgery import BAD_SHORT_NAMES, encoded
from tests.support.hub_client import TIMEOUT_S, forms
from tests.support.real_instance import TOKEN_HEADER, RealClient, RealInstance
from tests.support.token_forger import EC_KEY, OTHER_JWK, OTHER_KEY, OTHER_PUBLIC, Forger, project

SESSION_COOKIES = {"jupyterhub-session-id", "jupyterhub-hub-login"}
HOUR = 3600


@pytest.fixture(scope="module")
def forger(real: RealInstance) -> Forger:
    """Who has seen the instance's public key."""
    return Forger.of(real)


def send(real: RealInstance, token: str) -> requests.Response:
    """Try to sign in with a token, in a new session, past the proxy."""
    client = RealClient(real.direct_url)
    return client.get("/hub/login", headers={TOKEN_HEADER: token}, allow_redirects=False)


def assert_refused(answer: requests.Response) -> None:
    assert answer.status_code in (401, 403), f"{answer.status_code}: {answer.text[:500]}"
    session = {c.name for c in answer.cookies if c.value} & SESSION_COOKIES
    assert not session, f"a refused sign-in set {session}"


def assert_accepted(real: RealInstance, token: str, user: str = "testuser") -> RealClient:
    client = real.with_token(token, user)
    assert client.signed_in
    assert client.request("GET", "/hub/api/user").json()["name"] == user
    return client


def wrong_times() -> dict[str, dict[str, Any]]:
    now = int(time.time())
    return {
        "expired": {"exp": now - 60},
        "expired long ago": {"iat": 0, "exp": 1},
        "issued in the future": {"iat": now + HOUR, "exp": now + 2 * HOUR},
        "not valid before the future": {"nbf": now + HOUR},
        "exp a string": {"exp": str(now + HOUR)},
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
    **{f"alg {name!r}": lambda f, name=name: f.unsigned(name) for name in ("none", "None", "nOnE", "", None)},
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


def test_as_many_tokens_are_accepted_as_are_refused() -> None:
    """The two tests below follow each attack with a valid token of another form."""
    assert len(VARIATIONS) >= len(WRONG_CLAIMS) + len(FORGERIES)


@pytest.mark.parametrize(("number", "changes"), list(enumerate(WRONG_CLAIMS.values())), ids=WRONG_CLAIMS)
def test_wrong_claims_are_refused(
    real: RealInstance, forger: Forger, number: int, changes: dict[str, Any]
) -> None:
    if changes.get("iss") == "SLASH":
        changes = {"iss": f"{forger.issuer}/"}
    assert_refused(send(real, forger.with_claims(**changes)))
    assert_accepted(real, variation(forger, number))


@pytest.mark.parametrize(
    ("number", "forge"), list(enumerate(FORGERIES.values(), len(WRONG_CLAIMS))), ids=FORGERIES
)
def test_forgeries_are_refused(
    real: RealInstance, forger: Forger, number: int, forge: Callable[[Forger], str]
) -> None:
    assert_refused(send(real, forge(forger)))
    assert_accepted(real, variation(forger, number))


def test_several_headers_are_refused(real: RealInstance, forger: Forger) -> None:
    """Two headers arrive as one with a comma, whichever came first."""
    connection = http.client.HTTPConnection("127.0.0.1", real.direct_port, timeout=TIMEOUT_S)
    connection.putrequest("GET", "/jupyter/hub/login")
    for token in (forger.sign(), forger.with_claims(short_name="otheruser")):
        connection.putheader(TOKEN_HEADER, token)
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status in (400, 401, 403)
    assert not [
        value for value in answer.headers.get_all("Set-Cookie") or () if "jupyterhub-session" in value
    ]
    connection.close()
    assert_accepted(real, forger.sign())


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


@pytest.mark.parametrize("make", VALID.values(), ids=VALID)
def test_valid_variations_are_accepted(
    real: RealInstance, forger: Forger, make: Callable[[Forger], str]
) -> None:
    assert_accepted(real, make(forger))


@pytest.mark.parametrize("user", ["testuser", "otheruser", "newcomer", "a", "x_1-y"])
def test_valid_users_are_accepted(real: RealInstance, forger: Forger, user: str) -> None:
    assert_accepted(real, forger.with_claims(short_name=user, projects=project(user=user)), user)


def test_no_token_is_refused(real: RealInstance, forger: Forger) -> None:
    client = RealClient(real.direct_url)
    assert_refused(client.get("/hub/login", allow_redirects=False))
    assert_accepted(real, forger.sign())


@pytest.mark.timeout(400, func_only=True)
def test_unknown_key_ids_do_not_load_the_issuer(
    real: RealInstance, forger: Forger, capsys: pytest.CaptureFixture[str]
) -> None:
    """1,000 in a row: few of them make the hub ask the issuer, and valid users sign in all the while."""
    attempts, began = 1000, time.monotonic()
    client, seen = RealClient(real.direct_url), set()
    for number in range(attempts):
        token = forger.sign(key=OTHER_KEY, kid=f"unknown-{number}")
        answer = client.get("/hub/login", headers={TOKEN_HEADER: token}, allow_redirects=False)
        assert_refused(answer)
        if number % 100 == 0:
            seen |= closed_connections(real)
            assert_accepted(real, forger.sign())
    seconds = time.monotonic() - began
    seen |= closed_connections(real)
    fetches = len(seen) / 2  # the discovery document, and the keys
    with capsys.disabled():
        print(f" [{attempts} unknown key IDs in {seconds:.0f} s: about {fetches:.0f} fetches]", end="")
    assert 1 <= fetches <= 5 + seconds / 10 + seconds / 60 + 2
    assert_accepted(real, forger.sign())


def closed_connections(real: RealInstance) -> set[str]:
    """Connections to the issuer that were open in the last minute: the kernel keeps them in TIME_WAIT."""
    port, time_wait = f":{int(real.issuer.rpartition(':')[2]):04X}", "06"
    found = set()
    for line in real.slurm("cat", "/proc/net/tcp").splitlines()[1:]:
        _, local, remote, state = line.split()[:4]
        if state == time_wait and (local.endswith(port) or remote.endswith(port)):
            found.add(f"{local} {remote}")
    return found


def test_no_token_is_in_any_log(real: RealInstance, forger: Forger) -> None:
    """Neither accepted nor refused ones, nor parts that would do to use them; the hub logs at level DEBUG."""
    since = time.time()
    tokens = [forger.sign(), forger.sign(key=OTHER_KEY), forger.with_claims(exp=1)]
    for token in tokens:
        send(real, token)
    tokens.append(token_of_the_provider(real))
    logs = "".join(real.log(name, since - 1) for name in ("jupyterhub", "issuer", "proxy"))
    logs += real.hub("cat", "/var/log/jupyterhub/jupyterhub.log")
    assert "Sign-in refused" in logs
    assert "signed out" in logs
    assert "DEBUG" in logs or "[D " in logs
    secrets = [real.password, (real.directory / "signin_client_secret").read_text(), forger.jwk["d"]]
    for secret in [*secrets, *(segment for token in tokens for segment in token.split(".")[1:])]:
        assert secret[:40] not in logs


def token_of_the_provider(real: RealInstance) -> str:
    """The ID token of a sign-in through the proxy: signing out sends it through the browser."""
    client = real.client("testuser")
    page = client.get("/hub/logout")
    (form,) = forms(page)
    client.http.post(form.action, data=form.fields, timeout=TIMEOUT_S)
    return parse_qs(urlsplit(page.url).query)["id_token_hint"][0]
