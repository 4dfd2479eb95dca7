"""The local issuer's signing keys, and tokens signed with them. May import: config.dev_users.

The keys are one JSON Web Key Set (RFC 7517) with private keys, as the issuer's container reads it: the first
key signs and all are published. A rotation puts a new key first; a token is valid while its key is there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from brics_envs.config.dev_users import DevUser

ALGORITHM = "RS256"
"""The one algorithm of issuer, proxy and :func:`sign_token`; OpenID Connect makes every party support it."""

KEY_BITS = 2048

Jwks = dict[str, list[dict[str, str]]]
"""``{"keys": [JWK, …]}``."""


def make_jwks() -> Jwks:
    """A new key set with one private RSA key."""
    return {"keys": [_make_key()]}


def sign_token(
    jwks: Jwks,
    *,
    issuer: str,
    audience: str,
    user: str,
    projects: Sequence[str],
    platform: str,
    expires_in_s: int,
    extra_claims: Mapping[str, Any] | None = None,
) -> str:
    """A signed ID token as the issuer gives it to a user who signs in.

    :param jwks: the issuer's keys; the first one signs.
    :param issuer: the issuer's URL, without a slash at its end.
    :param user: ``<USER>``, the claim ``short_name``.
    :param projects: ``<PROJECT>``, each of which gets a resource on ``platform``.
    :param expires_in_s: seconds from now; negative for a token that has expired.
    :param extra_claims: claims that are added, or replace those above.
    :returns: a JWT in its compact form.
    """
    # PyJWT and cryptography take a tenth of a second to load, and most commands sign nothing.
    import jwt

    now = int(time.time())
    claims = {
        "iss": issuer,
        "sub": user,
        "aud": audience,
        "iat": now,
        "exp": now + expires_in_s,
        "jti": secrets.token_urlsafe(16),
        "short_name": user,
        "projects": {
            one.project_key: {
                "name": one.project_name,
                "resources": [{"name": platform, "username": one.account}],
            }
            for one in (DevUser(user, project) for project in projects)
        },
        **(extra_claims or {}),
    }
    key = jwks["keys"][0]
    return jwt.encode(claims, jwt.PyJWK(key).key, algorithm=ALGORITHM, headers={"kid": key["kid"]})


def _make_key() -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from jwt.algorithms import RSAAlgorithm

    jwk = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, KEY_BITS)))
    key = {name: jwk[name] for name in ("kty", "n", "e", "d", "p", "q", "dp", "dq", "qi")}
    return {**key, "kid": _thumbprint(key), "alg": ALGORITHM, "use": "sig"}


def _thumbprint(key: Mapping[str, str]) -> str:
    """The key's ID: its JWK thumbprint (RFC 7638)."""
    members = json.dumps({name: key[name] for name in ("e", "kty", "n")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).rstrip(b"=").decode()
