"""What ends with a sign-in, in a real hub: cookies, tokens however they are made, starts; and what goes on."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hub_api import (
    LIMITS,
    SESSION_S,
    START,
    activity,
    age_sign_ins,
    api,
    ask,
    lasts,
    make_token,
    start,
    stored,
)
from real_hub import Browser, Hub, MakeHub, wait_for
from stand_in_issuer import Issuer


@pytest.fixture(scope="module")
def hub(make_hub: MakeHub, issuer: Issuer) -> Hub:
    return make_hub(issuer, LIMITS)


@pytest.fixture
def alice(hub: Hub) -> Iterator[Browser]:
    """A browser of alice, whose server is stopped afterwards."""
    browser = hub.session()
    yield browser
    again = hub.session()
    if again.server():
        again.wait_ready()
        assert again.stop().status_code == 204


# -- tokens end with the session


def test_tokens_end_with_the_session(hub: Hub, alice: Browser) -> None:
    for body in ({}, {"expires_in": None}, {"note": "x"}, {"note": "Server at /jupyter/user/alice/"}):
        assert SESSION_S - 60 < lasts(ask(alice, body)) <= SESSION_S
    assert 0 < lasts(ask(alice, {"expires_in": 60})) <= 60
    for seconds in (SESSION_S + 1, 10**9, 10**18):
        assert ask(alice, {"expires_in": seconds}).status_code == 400
    for odd in (0, -1, "60", 1.5, True):
        answer = ask(alice, {"expires_in": odd})
        assert answer.status_code == 400 or lasts(answer) <= SESSION_S


def test_a_token_makes_no_token_that_lasts_longer(hub: Hub, alice: Browser) -> None:
    first = make_token(alice)
    # As if the sign-in had been most of the session ago.
    age_sign_ins(hub, SESSION_S - 300)
    second = api(hub, first, "POST", "/users/alice/tokens", {})
    assert lasts(second) <= 300
    third = api(hub, second.json()["token"], "POST", "/users/alice/tokens", {"expires_in": SESSION_S})
    assert lasts(third) <= 300


def test_tokens_that_others_make_for_a_user_end_too(hub: Hub, alice: Browser) -> None:
    answer = api(hub, "service-token-of-the-tests", "POST", "/users/alice/tokens", {})
    assert lasts(answer) <= SESSION_S
    assert api(hub, answer.json()["token"], "GET", "/user").ok
    # Without the user's sign-in it is worth nothing.
    alice.http.get(f"{hub.url}/logout", timeout=10)
    answer = api(hub, "service-token-of-the-tests", "POST", "/users/alice/tokens", {})
    assert lasts(answer) <= SESSION_S
    assert api(hub, answer.json()["token"], "GET", "/user").status_code == 403


def test_no_token_in_the_database_lasts_longer(hub: Hub, alice: Browser) -> None:
    start(alice)
    make_token(alice)
    oauth(hub, alice)
    rows = stored(hub, "SELECT expires_at, session_id, client_id FROM api_tokens WHERE user_id IS NOT NULL")
    assert len(rows) >= 3
    endless = [row for row in rows if row[0] is None]
    assert len(endless) == 1, "the server's own, and no other"
    assert endless[0][1].startswith("server:")
    assert endless[0][2] == "jupyterhub"


def oauth(hub: Hub, browser: Browser) -> str:
    """The access token that a server gets of its user's visit, in the way that a browser takes."""
    code, secret = oauth_code(hub, browser)
    answer = exchange(hub, code, secret)
    assert answer.ok, answer.text
    token: str = answer.json()["access_token"]
    return token


def oauth_code(hub: Hub, browser: Browser) -> tuple[str, str]:
    """A code for the server's OAuth client, and that client's secret."""
    environment = hub.job()["environment"]
    query = {
        "client_id": environment["JUPYTERHUB_CLIENT_ID"],
        "redirect_uri": environment["JUPYTERHUB_OAUTH_CALLBACK_URL"],
        "response_type": "code",
        "state": "x",
    }
    url = f"{hub.url}/api/oauth2/authorize"
    answer = browser.http.get(url, params=query, allow_redirects=False, timeout=20)
    assert answer.status_code == 302, answer.text
    (code,) = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
    return code, environment["JUPYTERHUB_API_TOKEN"]


def exchange(hub: Hub, code: str, secret: str) -> requests.Response:
    environment = hub.job()["environment"]
    data = {
        "client_id": environment["JUPYTERHUB_CLIENT_ID"],
        "client_secret": secret,
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": environment["JUPYTERHUB_OAUTH_CALLBACK_URL"],
    }
    return requests.post(f"{hub.url}/api/oauth2/token", data=data, timeout=20)


# -- signing out


def test_signing_out_revokes_what_the_user_made(hub: Hub, alice: Browser) -> None:
    elsewhere = hub.session()
    start(alice)
    own = hub.job()["environment"]["JUPYTERHUB_API_TOKEN"]
    tokens = [make_token(alice), make_token(elsewhere, scopes=["self"]), oauth(hub, alice)]
    code, secret = oauth_code(hub, alice)
    assert all(api(hub, token, "GET", "/user").ok for token in tokens)
    alice.http.get(f"{hub.url}/logout", timeout=10)
    for token in tokens:
        assert api(hub, token, "GET", "/user").status_code == 403
        assert api(hub, token, "POST", "/users/alice/server", START).status_code == 403
        assert api(hub, token, "POST", "/users/alice/tokens", {}).status_code == 403
    assert exchange(hub, code, secret).status_code in (400, 401)
    assert elsewhere.whoami() is None
    # The server runs on; its own token does what it needs and no more.
    assert api(hub, own, "POST", "/users/alice/activity", activity()).ok
    for method, path in (
        ("POST", "/users/alice/tokens"),
        ("POST", "/users/alice/server"),
        ("DELETE", "/users/alice/server"),
        ("GET", "/users"),
        ("GET", "/users/alice/tokens"),
    ):
        assert api(hub, own, method, path, {}).status_code in (403, 404), (method, path)
    seen = set(api(hub, own, "GET", "/users/alice").json())
    assert seen <= {"kind", "name", "admin", "groups", "user_info", "last_activity"}
    # Whoever signs in again has the page of the server again.
    again = hub.session()
    assert again.server()["ready"]
    assert api(hub, oauth(hub, again), "GET", "/user").json()["name"] == "alice"
    assert all(api(hub, token, "GET", "/user").status_code == 403 for token in tokens)


def test_signing_out_counts_also_when_the_session_has_run_out(hub: Hub, alice: Browser) -> None:
    token = make_token(alice)
    age_sign_ins(hub, SESSION_S + 10)
    assert alice.whoami() is None
    assert api(hub, token, "GET", "/user").status_code == 403
    alice.http.get(f"{hub.url}/logout", timeout=10)
    assert (
        stored(hub, "SELECT id FROM api_tokens WHERE user_id IS NOT NULL AND client_id = 'jupyterhub'") == []
    )


def test_a_servers_token_ends_with_it_also_after_a_restart(hub: Hub, alice: Browser) -> None:
    start(alice)
    own = hub.job()["environment"]["JUPYTERHUB_API_TOKEN"]
    hub.kill()
    hub.start()
    wait_for(lambda: alice.server().get("ready"), "the server to be found again", 30)
    assert api(hub, own, "POST", "/users/alice/activity", activity()).ok
    assert alice.stop().status_code == 204
    assert api(hub, own, "POST", "/users/alice/activity", activity()).status_code == 403


# -- starts


@pytest.fixture(scope="module")
def strict(make_hub: MakeHub, issuer: Issuer) -> Hub:
    """A hub in which servers are started just after a sign-in, or not."""
    return make_hub(issuer, LIMITS + "c.BricsAuthenticator.start_max_age = 600\n")


def test_a_start_needs_a_recent_sign_in(strict: Hub, issuer: Issuer) -> None:
    browser = strict.session()
    token = make_token(browser)
    age_sign_ins(strict, 601)
    jobs = strict.jobs()
    assert browser.whoami() == "alice"
    for answer in (
        browser.post_api(START),
        api(strict, token, "POST", "/users/alice/server", START),
        api(strict, "service-token-of-the-tests", "POST", "/users/alice/server", START),
        browser.post_form({"brics_project": "project1.brics", "runtime": "00:10:00", "ngpus": "0"}),
    ):
        assert answer.status_code == 403
    assert "Your sign-in is too old to start a server." in answer.text
    assert strict.jobs() == jobs
    # The page leads to the sign-in, and back.
    page = browser.http.get(f"{strict.url}/spawn", allow_redirects=False, timeout=10)
    assert page.status_code == 302
    assert urlsplit(page.headers["Location"]).path == "/jupyter/hub/login"
    browser.http.headers["X-Auth-Id-Token"] = issuer.token()
    assert browser.projects() == ["project1.brics"]
    start(browser)
    # A running server goes on.
    age_sign_ins(strict, 601)
    wait_for(lambda: browser.server().get("ready"), "the server to be found again", 30)
    assert browser.stop().status_code == 204
