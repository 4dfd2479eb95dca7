"""The issuer's keys and the tokens signed with them, checked with the libraries that validate tokens."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from brics_envs.effects.tokens import ALGORITHM, Jwks, make_jwks, sign_token

ISSUER = "http://127.0.0.1:8090"
AUDIENCE = "brics-jupyterhub"


@pytest.fixture(scope="module")
def jwks() -> Jwks:
    return make_jwks()


def public_key(jwks: Jwks, token: str) -> Any:
    """The key of the set that the token names, as a relying party finds it."""
    kid = jwt.get_unverified_header(token)["kid"]
    public = [{name: key[name] for name in ("kty", "n", "e", "kid", "alg", "use")} for key in jwks["keys"]]
    return jwt.PyJWKSet.from_dict({"keys": public})[kid].key


def sign(jwks: Jwks, **changes: Any) -> str:
    arguments: dict[str, Any] = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "user": "alice",
        "projects": ["one", "two"],
        "platform": "brics.dev",
        "expires_in_s": 60,
    }
    return sign_token(jwks, **(arguments | changes))


def verify(jwks: Jwks, token: str) -> dict[str, Any]:
    return jwt.decode(
        token, public_key(jwks, token), algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER
    )


def test_token_has_the_claims_of_the_contract(jwks: Jwks) -> None:
    claims = verify(jwks, sign(jwks))
    assert claims["short_name"] == claims["sub"] == "alice"
    assert claims["projects"] == {
        "one.brics": {"name": "Project one", "resources": [{"name": "brics.dev", "username": "alice.one"}]},
        "two.brics": {"name": "Project two", "resources": [{"name": "brics.dev", "username": "alice.two"}]},
    }
    assert claims["exp"] - claims["iat"] == 60
    assert abs(claims["iat"] - time.time()) < 5


def test_extra_claims_replace_the_usual_ones(jwks: Jwks) -> None:
    claims = verify(jwks, sign(jwks, extra_claims={"short_name": "mallory", "nested": {"a": [1]}}))
    assert (claims["short_name"], claims["nested"]) == ("mallory", {"a": [1]})


def test_negative_lifetime_gives_an_expired_token(jwks: Jwks) -> None:
    with pytest.raises(jwt.ExpiredSignatureError):
        verify(jwks, sign(jwks, expires_in_s=-60))


def test_another_set_does_not_verify(jwks: Jwks) -> None:
    other = make_jwks()
    other["keys"][0]["kid"] = jwks["keys"][0]["kid"]
    with pytest.raises(jwt.InvalidSignatureError):
        verify(other, sign(jwks))


def test_a_token_outlives_the_key_that_signs_while_its_own_is_published(jwks: Jwks) -> None:
    rotated: Jwks = {"keys": make_jwks()["keys"] + jwks["keys"]}
    old, new = sign(jwks), sign(rotated)
    assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
    assert verify(rotated, old)["sub"] == verify(rotated, new)["sub"] == "alice"
    with pytest.raises(KeyError):
        verify(make_jwks(), old)


def test_keys_are_complete_and_differ() -> None:
    (first,), (second,) = make_jwks()["keys"], make_jwks()["keys"]
    assert first["n"] != second["n"]
    # oidc-provider refuses an RSA key without its Chinese-remainder parameters.
    assert {"kty", "n", "e", "d", "p", "q", "dp", "dq", "qi", "kid", "alg", "use"} == set(first)
