"""Signing out at a real hub; a token that is refused leads to the proxy, and never in circles."""

from __future__ import annotations

import time

import pytest
import requests
from real_hub import Browser, Hub, MakeHub
from stand_in_issuer import Issuer

SESSION_COOKIES = {"jupyterhub-hub-login", "jupyterhub-session-id"}
NOW = int(time.time())


def test_sign_out_ends_the_session(hub: Hub) -> None:
    browser = hub.session()
    response = browser.http.get(f"{hub.url}/logout", timeout=10)
    assert response.status_code == 200, "a page, not the sign-in, which would sign in again"
    assert browser.whoami() is None


def test_a_cookie_from_before_the_sign_out_does_not_count(hub: Hub) -> None:
    browser, kept = hub.session(), Browser(hub)
    kept.http.cookies.update(browser.http.cookies)
    assert kept.whoami() == "alice"
    browser.http.get(f"{hub.url}/logout", timeout=10)
    assert kept.whoami() is None


SIGN_OUT_URL = "/jupyter/oidc?logout=https%3A%2F%2Fx.example%2F&a=b"


@pytest.fixture(scope="module")
def signing_out(make_hub: MakeHub, issuer: Issuer) -> Hub:
    """A hub that knows how to sign out of the proxy, and that blocks a user."""
    return make_hub(
        issuer,
        f"c.BricsAuthenticator.logout_redirect_url = {SIGN_OUT_URL!r}\n"
        "c.BricsAuthenticator.invalid_jwt_logout = True\n"
        "c.BricsAuthenticator.blocked_users = {'mallory'}\n"
        "c.BricsAuthenticator.username_map = {'dave': 'david'}\n",
    )


def test_sign_out_goes_on_to_the_proxy(signing_out: Hub) -> None:
    browser = signing_out.session()
    response = browser.http.get(f"{signing_out.url}/logout", allow_redirects=False, timeout=10)
    assert (response.status_code, response.headers["Location"]) == (302, SIGN_OUT_URL)
    assert browser.whoami() is None


def test_invalid_tokens_can_sign_out(signing_out: Hub, issuer: Issuer) -> None:
    browser = signing_out.session()
    response = signing_out.sign_in(issuer.token(exp=NOW - 600), browser.http)
    assert (response.status_code, response.headers["Location"]) == (302, SIGN_OUT_URL)
    assert browser.whoami() is None


def test_a_token_that_stays_invalid_leads_nowhere_for_ever(signing_out: Hub, issuer: Issuer) -> None:
    browser, bad = Browser(signing_out), issuer.token(aud="other")
    answers = [signing_out.sign_in(bad, browser.http) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [302, 401, 302, 401]
    assert "the token is for another audience" in answers[1].text
    assert "logout=https%3A%2F%2Fx.example%2F&amp;a=b" in answers[1].text
    assert signing_out.sign_in(issuer.token(), browser.http).status_code == 302
    assert browser.whoami() == "alice"
    assert signing_out.sign_in(bad, browser.http).status_code == 302, "a sign-in in between: another try"


def test_signing_out_never_leads_to_itself(make_hub: MakeHub, issuer: Issuer) -> None:
    hub = make_hub(issuer, "c.BricsAuthenticator.logout_redirect_url = '/jupyter/hub/logout'\n")
    browser = hub.session()
    assert browser.http.get(f"{hub.url}/logout", allow_redirects=False, timeout=10).status_code == 200
    assert browser.whoami() is None


def test_without_a_token_there_is_a_link_to_sign_out(signing_out: Hub) -> None:
    page = requests.get(f"{signing_out.url}/login", allow_redirects=False, timeout=10)
    assert page.status_code == 401
    assert "logout=https%3A%2F%2Fx.example%2F&amp;a=b" in page.text


def test_mapped_names_stay_signed_in(signing_out: Hub, issuer: Issuer) -> None:
    token = issuer.token(short_name="dave")
    browser = signing_out.session(token)
    browser.http.headers["X-Auth-Id-Token"] = token
    assert browser.whoami() == "david"


def test_blocked_users_get_403(signing_out: Hub, issuer: Issuer) -> None:
    response = signing_out.sign_in(issuer.token(short_name="mallory"))
    assert response.status_code == 403
    assert not SESSION_COOKIES & set(response.cookies.keys())
