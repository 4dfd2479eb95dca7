"""The issuer's keys change, and the issuer goes away, while users are signed in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.integration.realauth.conftest import KEYS_KEPT_S
from tests.support.hub_client import forms
from tests.support.issuer_keys import rotate
from tests.support.real_instance import TOKEN_HEADER, RealClient, RealInstance
from tests.support.token_forger import Forger
from tests.support.waiting import wait_for


def attempt(real: RealInstance, token: str) -> int:
    """The status with which the hub answers a token in a new session."""
    client = RealClient(real.direct_url)
    answer = client.get("/hub/login", headers={TOKEN_HEADER: token}, allow_redirects=False)
    return answer.status_code


@contextmanager
def without_issuer(real: RealInstance) -> Iterator[None]:
    """Stop the issuer while the ``with`` block lasts."""
    container = real.container("issuer")
    container.stop(timeout=5)
    try:
        yield
    finally:
        real.container("issuer").start()
        wait_for(lambda: issuer_answers(real), "the issuer answers again")


def issuer_answers(real: RealInstance) -> bool:
    """Whether the issuer answers."""
    try:
        return bool(real.jwks()["keys"])
    except requests.RequestException:
        return False


def test_rotation_harms_nobody(real: RealInstance) -> None:
    proxied, direct = real.client("testuser"), real.with_token(real.token("otheruser"), "otheruser")
    of_old_key = real.token("testuser")
    assert attempt(real, of_old_key) == 302

    rotate(real, keep=1)
    assert attempt(real, real.token("testuser")) == 302
    assert attempt(real, of_old_key) == 302, "the old key is still published"
    assert real.client("testuser").signed_in
    assert proxied.signed_in
    assert direct.signed_in

    rotate(real, keep=0)
    of_new_key = real.token("testuser")
    # A key ID that the hub does not know makes it look: the old key is gone from then on.
    assert attempt(real, of_new_key) == 302
    client = RealClient(real.direct_url)
    refused = client.get("/hub/login", headers={TOKEN_HEADER: of_old_key}, allow_redirects=False)
    assert refused.status_code == 401
    assert not [c for c in refused.cookies if c.name.startswith("jupyterhub-") and c.value]
    assert attempt(real, of_new_key) == 302
    assert real.client("otheruser").signed_in
    assert proxied.signed_in
    assert direct.signed_in

    # Signing out with a token that no key verifies any more: the provider asks, and it works.
    page = proxied.get("/hub/logout")
    (form,) = forms(page)
    proxied.http.post(form.action, data={**form.fields, "logout": "yes"}, timeout=60)
    assert not proxied.signed_in


def test_withdrawn_key_counts_no_longer_than_the_cache(real: RealInstance) -> None:
    token = real.token("testuser")
    assert attempt(real, token) == 302
    rotate(real, keep=0)
    wait_for(
        lambda: attempt(real, token) == 401,
        "the old key is forgotten",
        deadline_s=KEYS_KEPT_S + 10,
        interval_s=1,
    )
    assert attempt(real, real.token("testuser")) == 302


def test_issuer_is_down(real: RealInstance) -> None:
    proxied, direct = real.client("testuser"), real.with_token(real.token("otheruser"), "otheruser")
    proxied.stop()
    proxied.start(brics_project="project1.brics")
    token, unknown = real.token("testuser"), Forger.of(real).sign(kid="unknown")
    assert attempt(real, token) == 302
    with proxied.kernel() as kernel, without_issuer(real):
        kernel.run("x = 42")
        # With the key cached users sign in; without it nobody can know whether the token is good.
        wait_for(lambda: attempt(real, unknown) == 503, "an unknown key is answered with 503", 30, 1)
        wait_for(lambda: attempt(real, token) == 503, "the cached key is too old", KEYS_KEPT_S + 10, 1)
        answer = RealClient(real.direct_url).get("/hub/login", headers={TOKEN_HEADER: token})
        assert answer.headers["Retry-After"]
        assert not [c for c in answer.cookies if c.name.startswith("jupyterhub-") and c.value]
        began = time.monotonic()
        assert proxied.signed_in
        assert direct.signed_in
        assert kernel.run("print(x)") == "42\n"
        assert time.monotonic() - began < 10
    wait_for(lambda: attempt(real, token) == 302, "sign-in works again", 30, 1)
    assert attempt(real, unknown) in (401, 403)
    assert proxied.signed_in
    assert proxied.server() is not None
    proxied.stop()


def test_provider_remembers_sessions_over_a_restart(real: RealInstance) -> None:
    client = real.client("testuser")
    with without_issuer(real):
        pass
    for cookie in [cookie for cookie in client.http.cookies if cookie.name.startswith("signin_")]:
        client.http.cookies.clear(cookie.domain, cookie.path, cookie.name)
    # The proxy asks the provider, which knows the user still: no password.
    assert client.signed_in
