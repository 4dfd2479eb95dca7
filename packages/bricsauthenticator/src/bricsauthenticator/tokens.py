"""Verification of an ID token by RFC 8725, with PyJWT. Imports nothing of this package; does no I/O.

What is accepted is decided here and by the configuration, never by the token: its header only says which of
the allowed algorithms and which of the issuer's keys to try.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")

CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
"""Algorithm → the one curve that it may be used with (RFC 7518 section 3.4, RFC 8037)."""

ASYMMETRIC = (*RSA_ALGORITHMS, *CURVES)
"""Every algorithm that can be allowed. No symmetric one: whoever could verify could also sign."""

REFUSED_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"})
"""Header parameters by which a token brings its own key, or extensions that are not understood here."""

PUBLIC_MEMBERS = frozenset({"kty", "n", "e", "crv", "x", "y"})
"""Members of a JWK that make up a public key."""

MAX_TOKEN = 65_536
"""Longest token, characters (tornado's limit of all headers together)."""


COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")

MALFORMED = "the token is malformed"


class TokenError(Exception):
    """The token is not accepted. The message is harmless: it quotes nothing from the token or a key."""


@dataclass(frozen=True)
class Header:
    """What the header of a token says about its signature."""

    algorithm: str
    key_id: str | None


def read_header(token: str, allowed: Sequence[str]) -> Header:
    """The header of a token that is not yet verified.

    :param allowed: the names of the algorithms that are accepted.
    :raises TokenError: malformed, an algorithm that is not allowed, or a header parameter that is refused.
    """
    if len(token) > MAX_TOKEN:
        raise TokenError("the token is too long")
    if not _is_compact(token):
        raise TokenError(MALFORMED)
    try:
        header = jwt.get_unverified_header(token)
    except Exception:  # whatever a hostile token makes the parser raise, it is refused
        raise TokenError(MALFORMED) from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in allowed or algorithm not in ASYMMETRIC:
        raise TokenError("the token's algorithm is not allowed")
    if REFUSED_HEADERS & header.keys():
        raise TokenError("the token's header has a parameter that is not accepted")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise TokenError("the token is of another type than JWT")
    if key_id is not None and not isinstance(key_id, str):
        raise TokenError("the token's key ID is not a string")
    return Header(algorithm, key_id)


def _is_compact(token: str) -> bool:
    """Whether a token has the one form that RFC 7515 (3.1) allows. Decoders pass over what is not base64url."""
    if not COMPACT.fullmatch(token):
        return False
    signature = token.rpartition(".")[2]
    try:
        decoded = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except ValueError:
        return False
    return base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() == signature


def select_key(keys: Sequence[Mapping[str, Any]], header: Header) -> jwt.PyJWK | None:
    """The issuer's key that a header names and that is made for its algorithm.

    Without a key ID there must be just one such key (OpenID Connect Core, section 10.1).

    :param keys: the members of the issuer's JWK set.
    """
    found = [key for key in keys if _fits(key, header)]
    if header.key_id is None and len(found) != 1:
        return None
    for key in found:
        try:
            return jwt.PyJWK({k: v for k, v in key.items() if k in PUBLIC_MEMBERS}, header.algorithm)
        except Exception:  # noqa: S112 (a broken key in the set must not take the others with it)
            continue
    return None


def _fits(key: Mapping[str, Any], header: Header) -> bool:
    if header.key_id is not None and key.get("kid") != header.key_id:
        return False
    operations = key.get("key_ops", ["verify"])
    if key.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return False
    if key.get("alg", header.algorithm) != header.algorithm:
        return False
    if header.algorithm in RSA_ALGORITHMS:
        return key.get("kty") == "RSA"
    return key.get("kty") in ("EC", "OKP") and key.get("crv") == CURVES[header.algorithm]


def verify(token: str, key: jwt.PyJWK, *, issuer: str, audience: str, leeway: float) -> dict[str, Any]:
    """The claims of a token whose signature, issuer, audience and times are right.

    :param leeway: seconds by which the issuer's clock may differ.
    :raises TokenError: they are not; the message says what is wrong.
    """
    if not issuer or not audience:
        raise TokenError("issuer and audience are not configured")
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=issuer,
            audience=audience,
            leeway=leeway,
            options={
                "require": ["aud", "exp", "iat", "iss"],
                "enforce_minimum_key_length": True,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except jwt.MissingRequiredClaimError as error:
        # One of the names above: nothing of the token.
        raise TokenError(f"the token lacks the claim {error.claim}") from None
    except jwt.PyJWTError as error:
        raise TokenError(REASONS.get(type(error), MALFORMED)) from None
    except Exception:  # as in read_header
        raise TokenError(MALFORMED) from None


def unverified_claim(token: str, name: str) -> object:
    """A claim of a token that nobody has verified: never to be trusted. None if there is none."""
    try:
        return jwt.decode(token[:MAX_TOKEN], options={"verify_signature": False}).get(name)
    except Exception:  # as in read_header
        return None


REASONS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not yet valid",
    jwt.InvalidAudienceError: "the token is for another audience",
    jwt.InvalidIssuerError: "the token is from another issuer",
    jwt.InvalidSignatureError: "the token's signature is wrong",
}
