"""The issuer's keys change, or it is away, while users are signed in. Each test has a hub of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import requests
from real_hub import Hub, MakeHub
from stand_in_issuer import Issuer, make_key


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


def test_a_slow_issuer_then_rotation_then_a_flood(make_hub: MakeHub, issuer: Issuer) -> None:
    hub = make_hub(issuer)
    check_that_a_slow_issuer_does_not_block(hub, issuer)
    browser = hub.session()
    old_token = issuer.token()
    issuer.keys["k2"] = ("ES256", make_key("ES256"))
    assert hub.sign_in(issuer.token(kid="k2")).status_code == 302, "the new key counts at once"
    assert hub.sign_in(old_token).status_code == 302, "the old one still does"
    del issuer.keys["k1"]
    issuer.keys["k3"] = ("EdDSA", make_key("EdDSA"))
    assert hub.sign_in(issuer.token(kid="k3")).status_code == 302
    assert hub.sign_in(old_token).status_code == 401, "the old one is withdrawn"
    assert browser.whoami() == "alice", "nobody is thrown out"
    before, started = issuer.key_requests(), time.monotonic()
    session = requests.Session()
    for number in range(1000):
        token = issuer.token(kid="k3", headers={"kid": f"unknown-{number}"})
        assert hub.sign_in(token, session).status_code == 401
    elapsed = time.monotonic() - started
    assert issuer.key_requests() - before <= 5 + elapsed / 10 + elapsed / 60 + 1
    assert hub.sign_in(issuer.token(kid="k3")).status_code == 302


def test_an_issuer_that_is_away(make_hub: MakeHub, issuer: Issuer) -> None:
    hub = make_hub(issuer, "c.BricsAuthenticator.jwks_max_age = 1\n")
    browser = hub.session()
    token = issuer.token()
    with issuer.down():
        time.sleep(1.1)
        response = hub.sign_in(token)
        assert response.status_code == 503
        assert response.headers["Retry-After"]
        assert "jupyterhub-hub-login" not in response.cookies
        assert browser.whoami() == "alice"
        assert browser.projects() == ["project1.brics"]
    time.sleep(1.1)
    assert hub.sign_in(token).status_code == 302


def check_that_a_slow_issuer_does_not_block(hub: Hub, issuer: Issuer) -> None:
    """The first sign-in needs the keys; meanwhile the hub answers others."""
    issuer.delay = 2.4
    statuses: list[int] = []
    sign_in = threading.Thread(target=lambda: statuses.append(hub.sign_in(issuer.token()).status_code))
    sign_in.start()
    answers = 0
    while sign_in.is_alive():
        started = time.monotonic()
        assert requests.get(f"{hub.url}/health", timeout=5).ok
        assert time.monotonic() - started < 2
        answers += 1
        time.sleep(0.05)
    sign_in.join()
    assert statuses == [302]
    assert answers > 10
    issuer.delay = 0
