"""An OpenID Connect issuer for tests: real keys, real HTTP on loopback; everything about it can be broken."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from own_ports import free_port

AUDIENCE = "zenith-jupyter"
PLATFORM = "brics.aip1.notebooks.shared"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def make_key(algorithm: str, bits: int = 2048) -> PrivateKey:
    """A new private key for an algorithm."""
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    if algorithm in curves:
        return ec.generate_private_key(curves[algorithm])
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public_jwk(key: PrivateKey, **members: Any) -> dict[str, Any]:
    """The public JWK of a private key."""
    if isinstance(key, rsa.RSAPrivateKey):
        jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        jwk = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, **members}


def project_claim(*projects: str, user: str = "alice", platform: str = PLATFORM) -> dict[str, Any]:
    """The claim ``projects`` for a user with an account in each of the projects."""
    return {
        f"{project}.brics": {
            "name": f"Project {project}",
            "resources": [{"name": platform, "username": f"{user}.{project}"}],
        }
        for project in projects
    }


class Issuer:
    """Serves a discovery document and a key set, counts requests, signs tokens."""

    def __init__(self) -> None:
        self.requests: dict[str, int] = {}
        self.status = 200
        self.delay = 0.0
        self.padding = 0
        self.discovery: dict[str, Any] = {}
        self.keys: dict[str, tuple[str, PrivateKey]] = {"k1": ("RS256", make_key("RS256"))}
        self.jwks: dict[str, Any] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", free_port()), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/realms/brics"

    def close(self) -> None:
        """Stop serving: connections are refused from now on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Refuse connections for a while."""
        port = self.port
        self.close()
        try:
            yield
        finally:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
            self._server.daemon_threads = True
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
            self._thread.start()

    def key_requests(self) -> int:
        """How often the key set was asked for."""
        return self.requests.get("/realms/brics/jwks", 0)

    def claims(self, **claims: Any) -> dict[str, Any]:
        """Valid claims of user alice in project1; those given replace them, None leaves one out."""
        now = int(time.time())
        valid = {
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 300,
            "sub": "0123",
            "short_name": "alice",
            "projects": project_claim("project1", user=str(claims.get("short_name", "alice"))),
        }
        return {name: value for name, value in {**valid, **claims}.items() if value is not None}

    def token(
        self,
        claims: dict[str, Any] | None = None,
        *,
        kid: str | None = "k1",
        headers: dict[str, Any] | None = None,
        algorithm: str | None = None,
        **more: Any,
    ) -> str:
        """A token signed with one of the keys."""
        key_algorithm, key = self.keys[kid or "k1"]
        header = {**({"kid": kid} if kid else {}), **(headers or {})}
        payload = self.claims(**more) if claims is None else claims
        return jwt.encode(payload, key, algorithm or key_algorithm, headers=header)

    def _documents(self) -> dict[str, dict[str, Any]]:
        base = "/realms/brics"
        jwks = {"keys": [public_jwk(key, kid=kid, use="sig") for kid, (_, key) in self.keys.items()]}
        discovery = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", **self.discovery}
        return {
            f"{base}/.well-known/openid-configuration": discovery,
            f"{base}/jwks": jwks if self.jwks is None else self.jwks,
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests[self.path] = issuer.requests.get(self.path, 0) + 1
                time.sleep(issuer.delay)
                document = issuer._documents().get(self.path)
                body = b"" if document is None else json.dumps(document).encode() + b" " * issuer.padding
                self.send_response(404 if document is None else issuer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        return Handler
