"""The way in from outside: a tunnel's server, and tokens of an issuer there."""

from __future__ import annotations

from dataclasses import dataclass

from brics_envs.effects.keys import KeyPair
from tests.support.hub_client import HubClient
from tests.support.outside_hosts import TUNNEL_PORT, Host
from tests.support.real_instance import TOKEN_HEADER
from tests.support.token_forger import Forger


@dataclass(frozen=True)
class Way:
    """The way in: a tunnel's server, the key of its client, the issuer of users' tokens, and the users' port there."""

    server: Host
    client_key: KeyPair
    forger: Forger
    port: int = TUNNEL_PORT

    @property
    def url(self) -> str:
        """JupyterHub's address at the server's end of the tunnel."""
        return f"http://{self.server.address}:{self.port}/jupyter"

    @property
    def sign_in(self) -> dict[str, str]:
        """The settings with which tokens of this issuer count."""
        return {
            "oidcServer": self.forger.issuer,
            "bricsPlatform": "brics.dev",
            "jwtAudience": "brics-jupyterhub",
        }

    def client(self, token: str = "") -> HubClient:
        """A browser session that has come with a token through the tunnel."""
        client = HubClient(self.url)
        if token:
            client.get("/hub/login", headers={TOKEN_HEADER: token})
            client.user = "testuser"
        return client
