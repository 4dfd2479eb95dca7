"""Sign-in at a real hub: attacks, valid variations, several users in one browser, sign-out."""

from __future__ import annotations

import json
import time
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from forgery import BAD_SHORT_NAMES, encoded, hmac_token
from real_hub import Browser, Hub
from stand_in_issuer import AUDIENCE, Issuer, make_key, project_claim, public_jwk

SESSION_COOKIES = {"jupyterhub-hub-login", "jupyterhub-session-id"}


def test_a_valid_token_signs_in(hub: Hub, issuer: Issuer) -> None:
    browser = hub.session(projects=project_claim("project1", "project2"))
    assert browser.whoami() == "alice"
    assert browser.projects() == ["project1.brics", "project2.brics"]


NOW = int(time.time())
OTHER_KEY = make_key("RS256")
CLAIM_ATTACKS: dict[str, dict[str, Any]] = {
    "wrong issuer": {"iss": "https://attacker.example"},
    "wrong audience": {"aud": "other"},
    "wrong audiences": {"aud": ["other", "more"]},
    "expired": {"exp": NOW - 600},
    "issued in the future": {"iat": NOW + 86_400},
    **{f"without {n}": {n: None} for n in ("aud", "exp", "iss", "iat", "short_name", "projects")},
    "projects a list": {"projects": []},
    "projects a number": {"projects": 7},
    "projects not JSON": {"projects": "{"},
    "exp a string": {"exp": str(NOW + 600)},
    **{f"short_name {name[:20]!a}": {"short_name": name} for name in BAD_SHORT_NAMES},
}


@pytest.mark.parametrize("claims", CLAIM_ATTACKS.values(), ids=CLAIM_ATTACKS)
def test_bad_claims_get_401(hub: Hub, issuer: Issuer, claims: dict[str, Any]) -> None:
    refused(hub, issuer, issuer.token(**claims), 401)


@pytest.mark.parametrize(
    "projects",
    [
        {},
        "{}",
        project_claim("project1", platform="other.platform"),
        project_claim("project1", user="bob"),
        {"project1.brics": {"name": "x"}},
    ],
    ids=["empty", "empty string", "foreign platform", "account of another", "odd"],
)
def test_no_project_gets_403(hub: Hub, issuer: Issuer, projects: Any) -> None:
    refused(hub, issuer, issuer.token(projects=projects), 403)


def signature_attacks(issuer: Issuer) -> dict[str, str]:
    """Tokens with claims that are right."""
    valid = issuer.token()
    body = valid.split(".")[1]
    key = issuer.keys["k1"][1]
    secret = json.dumps(public_jwk(key)).encode()
    return {
        "nothing": "",
        "nonsense": "nonsense",
        "alg none": f"{encoded({'alg': 'none', 'kid': 'k1'})}.{body}.",
        "HS256": hmac_token(secret, issuer.claims(), kid="k1"),
        "wrong key": jwt.encode(issuer.claims(), OTHER_KEY, "RS256", {"kid": "k1"}),
        "embedded jwk": jwt.encode(
            issuer.claims(), OTHER_KEY, "RS256", {"kid": "k1", "jwk": public_jwk(OTHER_KEY)}
        ),
        "jku": issuer.token(headers={"jku": "http://127.0.0.1:1/jwks"}),
        "x5u": issuer.token(headers={"x5u": "http://127.0.0.1:1/cert"}),
        "crit": issuer.token(headers={"crit": ["x"], "x": 1}),
        "unknown key": issuer.token(headers={"kid": "unknown"}),
        "no signature": valid.rsplit(".", 1)[0] + ".",
        "cut": valid[:-1],
        "twice": f"{valid}, {valid}",
        "nested": f"{encoded(b'[' * 10_000)}.{body}.x",
    }


def test_bad_signatures_get_401(hub: Hub, issuer: Issuer) -> None:
    for token in signature_attacks(issuer).values():
        refused(hub, issuer, token, 401)


def refused(hub: Hub, issuer: Issuer, token: str, status: int) -> None:
    """Assert that a token is refused without a session, and that a good one is accepted afterwards."""
    response = requests.get(
        f"{hub.url}/login",
        headers={"X-Auth-Id-Token": token} if token else {},
        allow_redirects=False,
        timeout=10,
    )
    assert response.status_code == status
    assert not SESSION_COOKIES & set(response.cookies.keys())
    assert token not in response.text or not token
    assert hub.sign_in(issuer.token()).status_code == 302


VARIATIONS: dict[str, dict[str, Any]] = {
    "audience in a list": {"aud": ["other", AUDIENCE]},
    "projects as a string": {"projects": json.dumps(project_claim("project1"))},
    "a little late": {"exp": NOW + 86_400, "iat": NOW - 86_400},
    "clocks differ": {"iat": int(time.time()) + 2},
    "further claims": {"email": "alice@example.org", "nonce": "x", "azp": AUDIENCE},
    "one foreign project": {
        "projects": project_claim("project1") | project_claim("p2", platform="other.platform")
    },
    "70 projects": {"projects": project_claim(*(f"project{i}" for i in range(70)))},
}


@pytest.mark.parametrize("claims", VARIATIONS.values(), ids=VARIATIONS)
def test_variations_that_sign_in(hub: Hub, issuer: Issuer, claims: dict[str, Any]) -> None:
    browser = hub.session(**claims)
    assert browser.whoami() == "alice"
    assert len(browser.projects()) in (1, 70)


def test_a_token_of_32_kib_signs_in(hub: Hub, issuer: Issuer) -> None:
    token = issuer.token(filler="x" * 24_000)
    assert len(token) > 32 * 1024
    assert hub.session(token).whoami() == "alice"


def test_projects_are_those_of_the_last_token(hub: Hub, issuer: Issuer) -> None:
    browser = hub.session(projects=project_claim("project1", "project2"))
    assert hub.sign_in(issuer.token(projects=project_claim("project2")), browser.http).status_code == 302
    assert browser.projects() == ["project2.brics"]


def test_a_token_of_another_user_ends_the_session(hub: Hub, issuer: Issuer) -> None:
    browser = hub.session()
    before = {cookie.name: cookie.value for cookie in browser.http.cookies}
    assert hub.sign_in(issuer.token(short_name="bob"), browser.http).status_code == 302
    after = {cookie.name: cookie.value for cookie in browser.http.cookies}
    assert browser.whoami() == "bob"
    assert all(before[name] != after[name] for name in SESSION_COOKIES)


def test_a_session_ends_when_the_proxy_passes_on_the_token_of_another_user(hub: Hub, issuer: Issuer) -> None:
    browser = hub.session(short_name="carol")
    browser.http.headers["X-Auth-Id-Token"] = issuer.token(short_name="carol")
    assert browser.whoami() == "carol"
    browser.http.headers["X-Auth-Id-Token"] = issuer.token(short_name="bob")
    assert browser.whoami() is None
    page = browser.http.get(f"{hub.url}/token", timeout=10)
    assert urlsplit(page.url).path == "/jupyter/hub/token"
    assert browser.whoami() == "bob"


def test_a_session_ends_also_while_its_user_is_active_elsewhere(hub: Hub, issuer: Issuer) -> None:
    """What the hub has found out about one request of a user must not count for another."""
    elsewhere, browser = hub.session(short_name="carol"), hub.session(short_name="carol")
    elsewhere.http.headers["X-Auth-Id-Token"] = issuer.token(short_name="carol")
    browser.http.headers["X-Auth-Id-Token"] = issuer.token(short_name="bob")
    for _ in range(5):
        assert elsewhere.whoami() == "carol"
        assert browser.whoami() is None


def test_the_api_makes_no_token_of_a_token(hub: Hub, issuer: Issuer) -> None:
    """JupyterHub's API would sign in whoever has no session, and asks for no XSRF token then."""
    headers = {"X-Auth-Id-Token": issuer.token()}
    for user in ("alice", "bob"):
        response = requests.post(f"{hub.url}/api/users/{user}/tokens", headers=headers, json={}, timeout=10)
        assert response.status_code == 403
        assert "token" not in response.json()


def test_tokens_that_cannot_be_read_leave_the_session_alone(hub: Hub, issuer: Issuer) -> None:
    browser = hub.session(short_name="carol")
    for token in ("nonsense", "", issuer.token(exp=1, short_name="carol"), issuer.token(short_name=None)):
        browser.http.headers["X-Auth-Id-Token"] = token
        assert browser.whoami() == "carol"


def test_a_refused_token_leaves_the_session_alone(hub: Hub, issuer: Issuer) -> None:
    browser = hub.session()
    assert hub.sign_in("nonsense", browser.http).status_code == 401
    assert browser.whoami() == "alice"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_only_get_signs_in(hub: Hub, issuer: Issuer, method: str) -> None:
    headers = {"X-Auth-Id-Token": issuer.token()}
    response = requests.request(method, f"{hub.url}/login", headers=headers, timeout=10)
    assert response.status_code in (403, 405)
    assert not SESSION_COOKIES & set(response.cookies.keys())


@pytest.mark.parametrize(
    ("next_url", "location"),
    [
        ("", "/jupyter/hub/spawn"),
        ("/jupyter/hub/token", "/jupyter/hub/token"),
        ("https://attacker.example/", "/jupyter/hub/spawn"),
        ("//attacker.example/", "/jupyter/hub/spawn"),
        ("///attacker.example/", "/jupyter/hub/spawn"),
        ("/\\attacker.example/", "/%5Cattacker.example/"),
        ("javascript:alert(1)", "/jupyter/hub/spawn"),
    ],
)
def test_next_leads_nowhere_else(hub: Hub, issuer: Issuer, next_url: str, location: str) -> None:
    response = requests.get(
        f"{hub.url}/login",
        params={"next": next_url} if next_url else {},
        headers={"X-Auth-Id-Token": issuer.token()},
        allow_redirects=False,
        timeout=10,
    )
    assert response.status_code == 302
    assert response.headers["Location"] == location


def test_pages_lead_to_the_sign_in_and_back(hub: Hub, issuer: Issuer) -> None:
    browser = Browser(hub)
    browser.http.headers["X-Auth-Id-Token"] = issuer.token()
    response = browser.http.get(f"{hub.url}/token", timeout=10)
    assert response.status_code == 200
    assert urlsplit(response.url).path == "/jupyter/hub/token"


def test_answers_are_not_cached(hub: Hub, issuer: Issuer) -> None:
    assert hub.sign_in(issuer.token()).headers["Cache-Control"] == "no-store"
    refusal = hub.sign_in("nonsense")
    assert refusal.headers["Cache-Control"] == "no-store"
    assert refusal.headers["WWW-Authenticate"].startswith("Bearer")


MESSAGES: dict[str, dict[str, Any]] = {
    "the token has expired": {"exp": NOW - 600},
    "the token is not yet valid": {"iat": NOW + 86_400},
    "the token is for another audience": {"aud": "secret"},
    "the token is from another issuer": {"iss": "https://secret.example"},
    "the token lacks the claim exp": {"exp": None},
    "the token lacks the claim short_name": {"short_name": None},
    "the claim short_name is not a user name": {"short_name": "Secret"},
    "the claim projects is neither an object nor a string that holds one": {"projects": ["secret"]},
}


@pytest.mark.parametrize(("words", "claims"), MESSAGES.items(), ids=MESSAGES)
def test_the_page_says_what_is_wrong_and_how_to_go_on(
    hub: Hub, issuer: Issuer, words: str, claims: dict[str, Any]
) -> None:
    answer = hub.sign_in(issuer.token(**claims))
    assert f"Sign-in failed: {words}." in unescape(answer.text)
    assert 'href="/jupyter/hub/login"' in answer.text
    assert "ecret" not in answer.text


def test_malformed_tokens_and_unknown_keys_are_named(hub: Hub, issuer: Issuer) -> None:
    for token in ("nonsense", "a.b.c", issuer.token() + "=", issuer.token().replace(".", "..", 1)):
        assert "the token is malformed" in hub.sign_in(token).text
    assert "the token's key is unknown" in unescape(hub.sign_in(issuer.token(headers={"kid": "other"})).text)
