"""What ends with a sign-in, in a real hub: cookies, tokens however they are made, starts; and what goes on."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from real_hub import Browser, Hub, MakeHub, wait_for
from stand_in_issuer import Issuer, project_claim

SESSION_S = 3600
LIMITS = f"""
c.BricsAuthenticator.session_max_age = {SESSION_S}
c.Spawner.server_token_scopes = ["users:activity!user"]
c.JupyterHub.services = [{{"name": "admin", "api_token": "service-token-of-the-tests"}}]
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self"]}},
    {{"name": "all", "scopes": ["tokens", "admin:users", "admin:servers", "list:users"], "services": ["admin"]}},
]
"""
START = {"user_options": {"brics_project": "project1.brics"}}


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


def api(hub: Hub, token: str, method: str, path: str, body: Any = None) -> requests.Response:
    """A request to the hub's API with a token."""
    headers = {"Authorization": f"token {token}"}
    return requests.request(method, f"{hub.url}/api{path}", headers=headers, json=body, timeout=90)


def ask(browser: Browser, body: Any = None) -> requests.Response:
    """Ask for an API token in a session."""
    url = f"{browser.hub.url}/api/users/{browser.user}/tokens"
    headers = {"Referer": f"{browser.hub.url}/token"}
    return browser.http.post(
        url, params={"_xsrf": browser.xsrf}, headers=headers, json=body or {}, timeout=20
    )


def make_token(browser: Browser, **body: Any) -> str:
    """An API token made in a session."""
    answer = ask(browser, body)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


def lasts(answer: requests.Response) -> float:
    """Seconds until a new token expires."""
    assert answer.status_code == 201, answer.text
    expires = datetime.fromisoformat(answer.json()["expires_at"].replace("Z", "+00:00"))
    return (expires - datetime.now(UTC)).total_seconds()


def start(browser: Browser) -> None:
    assert browser.post_api(START).status_code in (201, 202)
    browser.wait_ready()


def stored(hub: Hub, query: str, *values: Any) -> list[Any]:
    """Ask or change the hub's database, as another process does."""
    with sqlite3.connect(hub.root / "jupyterhub.sqlite", timeout=20) as database:
        return database.execute(query, values).fetchall()


# -- tokens end with the session


def test_tokens_end_with_the_session(hub: Hub, alice: Browser) -> None:
    for body in ({}, {"expires_in": None}, {"note": "x"}, {"note": "Server at /jupyter/user/alice/"}):
        assert SESSION_S - 60 < lasts(ask(alice, body)) <= SESSION_S
    assert 0 < lasts(ask(alice, {"expires_in": 60})) <= 60
    for seconds in (SESSION_S + 1, 10**9, 10**18):
        assert ask(alice, {"expires_in": seconds}).status_code == 400
    for seconds in (0, -1, "60", 1.5, True):
        answer = ask(alice, {"expires_in": seconds})
        assert answer.status_code == 400 or lasts(answer) <= SESSION_S


def test_a_token_makes_no_token_that_lasts_longer(hub: Hub, alice: Browser) -> None:
    first = make_token(alice)
    # As if the sign-in had been most of the session ago.
    age_sign_ins(hub, SESSION_S - 300)
    second = api(hub, first, "POST", "/users/alice/tokens", {})
    assert lasts(second) <= 300
    third = api(hub, second.json()["token"], "POST", "/users/alice/tokens", {"expires_in": SESSION_S})
    assert lasts(third) <= 300


def age_sign_ins(hub: Hub, seconds: float) -> None:
    """Let everybody's last sign-in have been so many seconds ago: a running hub does not look at that again."""
    hub.kill()
    stored(hub, "UPDATE users SET user_info = ?", json.dumps({"signed_in": time.time() - seconds}))
    hub.start()


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


def activity() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"servers": {"": {"last_activity": now}}, "last_activity": now}


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


# -- an older database


def test_an_older_database_has_no_endless_tokens(hub: Hub, alice: Browser) -> None:
    start(alice)
    own = hub.job()["environment"]["JUPYTERHUB_API_TOKEN"]
    old, new, forged = (
        make_token(alice),
        make_token(alice),
        make_token(alice, note="Server at /jupyter/user/alice/"),
    )
    hub.kill()
    stored(hub, "UPDATE api_tokens SET expires_at = NULL, session_id = NULL WHERE user_id IS NOT NULL")
    stored(hub, "UPDATE users SET user_info = NULL")
    stored(hub, "UPDATE api_tokens SET created = '2024-01-01 00:00:00.000000' WHERE prefix = ?", old[:4])
    hub.start()
    left = stored(hub, "SELECT session_id FROM api_tokens WHERE user_id IS NOT NULL AND expires_at IS NULL")
    assert [session.partition(":")[0] for (session,) in left] == ["server"]
    # Nobody has signed in since: neither cookie nor token counts, but for the server's own.
    assert alice.whoami() is None
    assert all(api(hub, token, "GET", "/user").status_code == 403 for token in (old, new, forged))
    assert api(hub, own, "POST", "/users/alice/activity", activity()).ok
    again = hub.session()
    assert again.server()["ready"]
    assert api(hub, old, "GET", "/user").status_code == 403
    assert api(hub, new, "GET", "/user").ok


def test_tokens_that_another_process_makes_end_too(hub: Hub, alice: Browser) -> None:
    """``jupyterhub token`` for example."""
    token = make_token(alice)
    stored(hub, "UPDATE api_tokens SET expires_at = NULL, created = '2024-01-01' WHERE prefix = ?", token[:4])
    assert api(hub, token, "GET", "/user").status_code == 403


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


# -- what a token says replaces what an earlier one said


def test_a_token_without_projects_ends_all_access(hub: Hub, alice: Browser, issuer: Issuer) -> None:
    start(alice)
    elsewhere, token = hub.session(), make_token(alice)
    refusal = hub.sign_in(issuer.token(projects={}), alice.http)
    assert refusal.status_code == 403
    assert alice.whoami() is None
    assert elsewhere.whoami() is None
    assert api(hub, token, "GET", "/user").status_code == 403
    own = hub.job()["environment"]["JUPYTERHUB_API_TOKEN"]
    assert api(hub, own, "POST", "/users/alice/activity", activity()).ok, "the server runs on"
    # The stored projects are gone too.
    answer = api(hub, "service-token-of-the-tests", "GET", "/users/alice")
    assert answer.json()["auth_state"] == {}


def test_a_token_without_projects_ends_another_users_session(hub: Hub, issuer: Issuer) -> None:
    browser, elsewhere = hub.session(short_name="carol"), hub.session(short_name="carol")
    assert hub.sign_in(issuer.token(short_name="bob", projects={}), browser.http).status_code == 403
    assert browser.whoami() is None
    assert elsewhere.whoami() == "carol", "she has not lost her projects"


def test_odd_projects_are_left_out_and_named_in_the_log(hub: Hub, issuer: Issuer) -> None:
    odd = {"Secret-Project.brics": {"name": None, "resources": 7}, "q.brics": "secret-value"}
    browser = hub.session(short_name="dora", projects=project_claim("p", user="dora") | odd)
    assert browser.projects() == ["p.brics"]
    log = hub.log.read_text()
    assert "Sign-in of dora: 1 left out: a project has no list of resources" in log
    assert "Sign-in of dora: 1 left out: a project is not an object" in log
    assert "ecret-" not in log.replace("client_secret", "")


# -- the configuration


def test_who_is_blocked_loses_access_at_once(make_hub: MakeHub, issuer: Issuer) -> None:
    hub = make_hub(issuer, LIMITS + "c.BricsAuthenticator.admin_users = {'alice'}\n")
    alice, bob = hub.session(), hub.session(short_name="bob")
    bob.user = "bob"
    token = make_token(bob)
    assert alice.http.get(f"{hub.url}/api/user", params={"_xsrf": alice.xsrf}, timeout=9).json()["admin"]
    hub.kill()
    config = hub.root / "jupyterhub_config.py"
    text = config.read_text().replace("admin_users = {'alice'}", "blocked_users = {'bob'}")
    config.write_text(text)
    hub.start()
    assert bob.whoami() is None
    assert api(hub, token, "GET", "/user").status_code == 403
    again = hub.session()
    assert not again.http.get(f"{hub.url}/api/user", params={"_xsrf": again.xsrf}, timeout=9).json()["admin"]
