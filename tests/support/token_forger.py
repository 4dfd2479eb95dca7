"""Tokens as attackers make them, and as other providers may."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from brics_envs.effects.tokens import make_jwks
from packages.bricsauthenticator.tests.forgery import encoded, hmac_token
from tests.support.real_instance import RealInstance

Claims = dict[str, Any]


def project(name: str = "project1", user: str = "testuser", platform: str = "brics.dev") -> dict[str, Any]:
    """A member of the claim ``projects``."""
    resource = {"name": platform, "username": f"{user}.{name}"}
    return {f"{name}.brics": {"name": f"Project {name}", "resources": [resource]}}


def issuer_documents(issuer: str, public_jwk: Mapping[str, str]) -> dict[str, Any]:
    """What an issuer with this key publishes, by the names below its URL."""
    return {
        ".well-known/openid-configuration": {"issuer": issuer, "jwks_uri": f"{issuer}/keys"},
        "keys": {"keys": [dict(public_jwk)]},
    }


@dataclass(frozen=True)
class Forger:
    """Knows the instance, its public key and, for what must differ in one thing only, the private one."""

    issuer: str
    jwk: Mapping[str, str]

    @classmethod
    def of(cls, instance: RealInstance) -> Forger:
        """One for an instance."""
        keys = json.loads((instance.directory / "issuer_jwks.json").read_text())["keys"]
        return cls(instance.issuer, keys[0])

    def claims(self, **changes: Any) -> Claims:
        """Valid claims; ``...`` takes one away."""
        now = int(time.time())
        valid = {
            "iss": self.issuer,
            "aud": "brics-jupyterhub",
            "iat": now,
            "exp": now + 3600,
            "sub": "testuser",
            "short_name": "testuser",
            "projects": project(),
        }
        return {name: value for name, value in {**valid, **changes}.items() if value is not ...}

    def sign(self, payload: Any = ..., *, key: Any = None, algorithm: str = "RS256", **header: Any) -> str:
        """A token signed with the issuer's key or another; header parameters of ``...`` are left out."""
        payload = self.claims() if payload is ... else payload
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        parameters = {n: v for n, v in {"kid": self.jwk["kid"], **header}.items() if v is not ...}
        return jwt.api_jws.encode(body, key or jwt.PyJWK(dict(self.jwk)).key, algorithm, headers=parameters)

    def with_claims(self, **changes: Any) -> str:
        """A token that is signed with the issuer's key."""
        return self.sign(self.claims(**changes))

    def unsigned(self, algorithm: Any) -> str:
        """A token that says it needs no signature."""
        return f"{encoded({'alg': algorithm, 'kid': self.jwk['kid']})}.{encoded(self.claims())}."

    def hmac(self, secret: bytes) -> str:
        """A token with HS256 and something public as the secret."""
        return hmac_token(secret, self.claims(), kid=self.jwk["kid"])

    @property
    def public(self) -> dict[str, str]:
        """The public JWK."""
        return {name: self.jwk[name] for name in ("kty", "n", "e", "kid", "alg", "use")}

    @property
    def pem(self) -> bytes:
        """The public key as it is usually written."""
        private = jwt.PyJWK(dict(self.jwk)).key
        return private.public_key().public_bytes(  # type: ignore[no-any-return]
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


OTHER_JWK = make_jwks()["keys"][0]
OTHER_KEY = jwt.PyJWK(OTHER_JWK).key
OTHER_PUBLIC = {name: OTHER_JWK[name] for name in ("kty", "n", "e")}
EC_KEY = ec.generate_private_key(ec.SECP256R1())
