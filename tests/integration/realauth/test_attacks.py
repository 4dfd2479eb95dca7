"""Tokens at the running hub: attacks are refused without a session, and the hub goes on to accept valid ones."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.support.hub_client import TIMEOUT_S, forms
from tests.support.real_instance import TOKEN_HEADER, RealClient, RealInstance
from tests.support.token_attacks import (
    FORGERIES,
    VALID,
    VARIATIONS,
    WRONG_CLAIMS,
    variation,
)
from tests.support.token_forger import OTHER_KEY, Forger, project

SESSION_COOKIES = {"jupyterhub-session-id", "jupyterhub-hub-login"}


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


def test_unknown_key_ids_do_not_load_the_issuer(
    real: RealInstance, forger: Forger, capsys: pytest.CaptureFixture[str]
) -> None:
    """1,000 in a row: few of them make the hub ask the issuer, and valid users sign in all the while."""
    attempts, since, began = 1000, time.time(), time.monotonic()
    client = RealClient(real.direct_url)
    for number in range(attempts):
        token = forger.sign(key=OTHER_KEY, kid=f"unknown-{number}")
        answer = client.get("/hub/login", headers={TOKEN_HEADER: token}, allow_redirects=False)
        assert_refused(answer)
        if number % 100 == 0:
            assert_accepted(real, forger.sign())
    seconds = time.monotonic() - began
    fetches = real.log("jupyterhub", since).count("Fetched the issuer's keys")
    with capsys.disabled():
        print(f" [{attempts} unknown key IDs in {seconds:.0f} s: {fetches} fetches]", end="")
    # A burst, one more every ten seconds, and the cached keys' own age of a minute.
    assert 1 <= fetches <= 5 + seconds / 10 + seconds / 60 + 2
    assert_accepted(real, forger.sign())


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
