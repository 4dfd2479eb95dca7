"""The authenticator's configuration."""

from __future__ import annotations

from typing import Any

import pytest
from bricsauthenticator import BricsAuthenticator
from bricsauthenticator.tokens import ASYMMETRIC, unverified_claim
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError
from traitlets.config import Config

CONFIGURED = {"oidc_server": "https://issuer.example", "brics_platform": "p", "jwt_audience": "a"}


def make(**traits: Any) -> BricsAuthenticator:
    return BricsAuthenticator(config=Config({"BricsAuthenticator": {**CONFIGURED, **traits}}))


def test_defaults() -> None:
    authenticator = make()
    assert authenticator.jwt_algorithms == list(ASYMMETRIC)
    assert 0 < authenticator.jwks_max_age <= 60
    assert authenticator.enable_auth_state
    assert authenticator.auto_login
    assert not authenticator.invalid_jwt_logout


def test_everyone_is_allowed_unless_users_are_listed() -> None:
    assert make().allow_all
    assert not make(allowed_users={"alice", "bob"}).allow_all
    assert not make(allow_existing_users=True).allow_all


@pytest.mark.parametrize("algorithms", [[], ["none"], ["HS256"], ["RS256", "HS512"], ["ES256K"]])
def test_only_asymmetric_algorithms_can_be_configured(algorithms: list[str]) -> None:
    with pytest.raises(TraitError):
        make(jwt_algorithms=algorithms)
    assert make(jwt_algorithms=["ES256"]).jwt_algorithms == ["ES256"]


@pytest.mark.parametrize("url", ["issuer.example", "file:///x", "https://", "https://x/?a=b", "https://x/#a"])
def test_the_issuer_is_a_url(url: str) -> None:
    with pytest.raises(TraitError):
        make(oidc_server=url)


@pytest.mark.parametrize("name", CONFIGURED)
def test_what_is_needed_must_be_configured(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        make(**{name: ""}).get_handlers(None)
    assert make().get_handlers(None)


@given(st.text())
def test_no_text_harms_a_session(text: str) -> None:
    assert unverified_claim(text, "short_name") is None
