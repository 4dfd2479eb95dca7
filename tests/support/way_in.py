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
    """The way in: a Zenith server, the key of its client, and the issuer of users' tokens."""

    server: Host
    client_key: KeyPair
    forger: Forger

    @property
    def url(self) -> str:
        """JupyterHub's address at the server's end of the tunnel."""
        return f"http://{self.server.address}:{TUNNEL_PORT}/jupyter"

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
