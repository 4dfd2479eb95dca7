"""Access that something else has changed: another token, the configuration, an older version, another process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hub_api import LIMITS, activity, api, make_token, start, stored
from real_hub import Browser, Hub, MakeHub
from stand_in_issuer import Issuer, project_claim


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
