"""Verification of tokens: header, choice of the key, signature, registered claims. Real keys, no network."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from bricsauthenticator.tokens import ASYMMETRIC, Header, TokenError, read_header, select_key, verify
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from forgery import encoded, hmac_token
from hypothesis import given
from hypothesis import strategies as st
from stand_in_issuer import make_key, public_jwk

ISSUER = "https://issuer.example/realms/x"
AUDIENCE = "jupyter"
KEYS = {algorithm: make_key(algorithm) for algorithm in ASYMMETRIC}
JWKS = [public_jwk(key, kid=algorithm, use="sig") for algorithm, key in KEYS.items()]


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    valid = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 86_400,
    }  # a run of the tests may take long
    return {name: value for name, value in {**valid, **changes}.items() if value is not ...}


def sign(payload: Any = None, algorithm: str = "RS256", key: Any = None, **header: Any) -> str:
    """A token; header parameters given replace the right ones."""
    return jwt.api_jws.encode(
        json.dumps(claims() if payload is None else payload).encode(),
        key or KEYS[algorithm],
        algorithm,
        headers={name: value for name, value in {"kid": algorithm, **header}.items() if value is not ...},
    )


def check(token: str, *, allowed: tuple[str, ...] = ASYMMETRIC, leeway: float = 0) -> dict[str, Any]:
    """What the authenticator does with a token, less the fetching of keys."""
    key = select_key(JWKS, read_header(token, allowed))
    if key is None:
        raise TokenError("the token's key is unknown")
    return verify(token, key, issuer=ISSUER, audience=AUDIENCE, leeway=leeway)


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_every_allowed_algorithm_verifies(algorithm: str) -> None:
    assert check(sign(algorithm=algorithm))["iss"] == ISSUER
    token = sign(algorithm=algorithm)
    with pytest.raises(TokenError):
        check(token[:-8] + ("AAAAAAAA" if not token.endswith("AAAAAAAA") else "BBBBBBBB"))


def test_only_configured_algorithms_are_taken() -> None:
    with pytest.raises(TokenError, match="algorithm"):
        check(sign(algorithm="ES256"), allowed=("RS256",))


def public_pem(algorithm: str) -> bytes:
    return (
        KEYS[algorithm]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def unsigned(algorithm: Any, **header: Any) -> str:
    return f"{encoded({'alg': algorithm, 'kid': 'RS256', **header})}.{encoded(claims())}."


OTHER_KEY = make_key("RS256")
VALID = sign()
HEAD, BODY, SIGNATURE = VALID.split(".")

ATTACKS = {
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg empty": unsigned(""),
    "alg null": unsigned(None),
    "alg list": unsigned(["RS256"]),
    "alg object": unsigned({}),
    "alg number": unsigned(256),
    "alg missing": f"{encoded({'kid': 'RS256'})}.{BODY}.{SIGNATURE}",
    "alg unknown": unsigned("ES256K"),
    "alg in lower case": f"{encoded({'alg': 'rs256', 'kid': 'RS256'})}.{BODY}.{SIGNATURE}",
    "none with the signature": f"{encoded({'alg': 'none', 'kid': 'RS256'})}.{BODY}.{SIGNATURE}",
    "HS256 with the public key": hmac_token(public_pem("RS256"), claims(), kid="RS256"),
    "HS256 with the modulus": hmac_token(JWKS[0]["n"].encode(), claims(), kid="RS256"),
    "HS256 with the JWK": hmac_token(json.dumps(JWKS[0]).encode(), claims(), kid="RS256"),
    "wrong key": sign(key=OTHER_KEY),
    "another key of the issuer": sign(key=KEYS["RS384"]),
    "unknown key": sign(kid="other"),
    "key of another kind": sign(algorithm="ES256", kid="RS256"),
    "curve of another algorithm": sign(algorithm="ES256", key=KEYS["ES256"], kid="ES384"),
    "RSA algorithm not of the key": sign(algorithm="RS512", kid="ES512"),
    "kid number": f"{encoded({'alg': 'RS256', 'kid': 1})}.{BODY}.{SIGNATURE}",
    "kid missing, several keys": sign(kid=...),
    "embedded jwk": sign(key=OTHER_KEY, jwk=public_jwk(OTHER_KEY)),
    "embedded jwk, right key": sign(jwk=JWKS[0]),
    "jku": sign(key=OTHER_KEY, jku="https://attacker.example/jwks"),
    "jku, right key": sign(jku=f"{ISSUER}/jwks"),
    "x5u": sign(key=OTHER_KEY, x5u="https://attacker.example/cert"),
    "x5c": sign(key=OTHER_KEY, x5c=["MIIB"]),
    "crit": sign(crit=["exp"], exp=1),
    "b64": f"{encoded({'alg': 'RS256', 'kid': 'RS256', 'b64': False, 'crit': ['b64']})}..{SIGNATURE}",
    "typ of an access token": sign(typ="at+jwt"),
    "typ of a logout token": sign(typ="logout+jwt"),
    "typ number": sign(typ=7),
    "wrong issuer": sign(claims(iss="https://attacker.example")),
    "issuer with a slash": sign(claims(iss=f"{ISSUER}/")),
    "issuer in capitals": sign(claims(iss=ISSUER.upper())),
    "wrong audience": sign(claims(aud="other")),
    "wrong audiences": sign(claims(aud=["other", "more"])),
    "no audience": sign(claims(aud=[])),
    "part of the audience": sign(claims(aud="jupyte")),
    "longer audience": sign(claims(aud="jupyter2")),
    "expired": sign(claims(exp=int(time.time()) - 1)),
    "issued in the future": sign(claims(iat=int(time.time()) + 86_400)),
    "not valid before the future": sign(claims(nbf=int(time.time()) + 86_400)),
    **{f"without {name}": sign(claims(**{name: ...})) for name in ("iss", "aud", "iat", "exp")},
    **{f"{name} null": sign(claims(**{name: None})) for name in ("iss", "aud", "iat", "exp")},
    "payload changed": f"{HEAD}.{encoded(claims(sub='root'))}.{SIGNATURE}",
    "payload not JSON": jwt.api_jws.encode(b"nonsense", KEYS["RS256"], "RS256", {"kid": "RS256"}),
    "payload a list": jwt.api_jws.encode(b"[]", KEYS["RS256"], "RS256", {"kid": "RS256"}),
    "payload nested deeply": jwt.api_jws.encode(b"[" * 20_000, KEYS["RS256"], "RS256", {"kid": "RS256"}),
    "payload of infinities": jwt.api_jws.encode(
        json.dumps(claims(exp=float("inf"), iat=float("-inf"))).encode(),
        KEYS["RS256"],
        "RS256",
        {"kid": "RS256"},
    ),
    "header nested deeply": f"{encoded(b'[' * 20_000)}.{BODY}.{SIGNATURE}",
    "header a list": f"{encoded([])}.{BODY}.{SIGNATURE}",
    "no signature": f"{HEAD}.{BODY}.",
    "two segments": f"{HEAD}.{BODY}",
    "four segments": f"{VALID}.{SIGNATURE}",
    "five segments": f"{VALID}.{SIGNATURE}.{SIGNATURE}",
    "twice": f"{VALID},{VALID}",
    "with Bearer": f"Bearer {VALID}",
    "spaces": f" {VALID}",
    "a newline": f"{VALID}\n",
    "padding": f"{HEAD}==.{BODY}.{SIGNATURE}",
    "too long": "a" * 70_000,
    "not ASCII": "\u00e9\ud800",
    "empty": "",
    "dots": "..",
}


@pytest.mark.parametrize("token", ATTACKS.values(), ids=ATTACKS)
def test_attacks_are_refused(token: str) -> None:
    with pytest.raises(TokenError) as caught:
        check(token)
    assert len(str(caught.value)) < 80
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "token",
    [
        sign(claims(aud=[AUDIENCE])),
        sign(claims(aud=["other", AUDIENCE])),
        sign(claims(sub=7)),
        sign(claims(exp=time.time() + 7200.5)),
        sign(typ="jwt"),
        sign(typ=None),
        sign(x5t="abc"),
    ],
)
def test_variations_that_are_accepted(token: str) -> None:
    assert check(token)


def test_leeway_is_for_both_ends() -> None:
    now = int(time.time())
    check(sign(claims(exp=now - 10, iat=now + 10)), leeway=30)
    for late in (claims(exp=now - 60), claims(iat=now + 60)):
        with pytest.raises(TokenError):
            check(sign(late), leeway=30)


def test_without_a_key_id_the_only_key_is_taken() -> None:
    header = Header("ES256", None)
    key = select_key(JWKS, header)
    assert key is not None
    assert select_key([*JWKS, public_jwk(make_key("ES256"))], header) is None
    assert select_key([], header) is None


RSA = public_jwk(KEYS["RS256"], kid="k")


@pytest.mark.parametrize(
    "key",
    [
        {**RSA, "use": "enc"},
        {**RSA, "use": None},
        {**RSA, "key_ops": ["sign"]},
        {**RSA, "key_ops": 7},
        {**RSA, "alg": "RS512"},
        {**RSA, "alg": "HS256"},
        {**RSA, "kty": "oct", "k": "AAAA"},
        {**RSA, "kty": ["RSA"]},
        {**RSA, "n": "!"},
        {**RSA, "n": 7},
        {"kid": "k", "kty": "RSA"},
        {"kid": "k"},
    ],
)
def test_keys_that_do_not_fit_are_not_taken(key: dict[str, Any]) -> None:
    assert select_key([key], Header("RS256", "k")) is None
    assert select_key([key, RSA], Header("RS256", "k")) is not None


def test_private_and_symmetric_parts_of_a_published_key_are_not_used() -> None:
    rsa_key = KEYS["RS256"]
    assert isinstance(rsa_key, RSAPrivateKey)
    private = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key))
    key = select_key([{**private, "kid": "k", "key_ops": ["verify"]}], Header("RS256", "k"))
    assert key is not None
    assert not hasattr(key.key, "private_numbers")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_short_rsa_keys_are_refused() -> None:
    weak = make_key("RS256", 1024)
    key = select_key([public_jwk(weak, kid="k")], Header("RS256", "k"))
    assert key is not None
    with pytest.raises(TokenError):
        verify(sign(key=weak), key, issuer=ISSUER, audience=AUDIENCE, leeway=0)


@pytest.mark.parametrize(("issuer", "audience"), [("", AUDIENCE), (ISSUER, ""), ("", "")])
def test_nothing_verifies_without_issuer_and_audience(issuer: str, audience: str) -> None:
    key = select_key(JWKS, Header("RS256", "RS256"))
    assert key is not None
    with pytest.raises(TokenError, match="not configured"):
        verify(sign(claims(iss=issuer, aud=audience)), key, issuer=issuer, audience=audience, leeway=0)


@given(st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True)))
def test_any_text_is_refused_with_the_one_error(text: str) -> None:
    with pytest.raises(TokenError):
        check(text)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "b64", "x"]), json_values))
def test_any_header_is_refused_with_the_one_error(header: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        check(f"{encoded(header)}.{BODY}.{SIGNATURE}")


@given(st.dictionaries(st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "sub"]), json_values, min_size=1))
def test_any_signed_claims_verify_or_give_the_one_error(changes: dict[str, Any]) -> None:
    payload = json.dumps(claims(**changes)).encode()
    token = jwt.api_jws.encode(payload, KEYS["ES256"], "ES256", {"kid": "ES256"})
    try:
        verified = check(token)
    except TokenError:
        return
    assert verified["iss"] == ISSUER
