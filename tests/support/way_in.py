"""The way in from outside: a tunnel's server, and tokens of an issuer there."""

from __future__ import annotations

import json
from dataclasses import dataclass

from brics_envs.effects.keys import KeyPair
from tests.support.hub_client import HubClient
from tests.support.outside_hosts import TUNNEL_PORT, Host
from tests.support.ports import OWN_ADDRESS, answers
from tests.support.real_instance import TOKEN_HEADER
from tests.support.token_forger import Forger
from tests.support.world import One


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

    def check_a_notebook(self, one: One) -> None:
        """A notebook's job runs in an instance that is reached by this way."""
        client = self.client(self.forger.sign())
        client.start(brics_project="project1.brics")
        printed = client.run("import getpass, os; print(getpass.getuser(), os.environ['SLURM_JOB_ID'])")
        assert printed.split() == ["testuser.project1", *one.jobs()]
        client.stop()


def check_that_nothing_is_published(one: One) -> None:
    """There is no other way: neither on this machine, nor at the pod's own address, which this machine can reach."""
    shown = json.loads(one.world.podman("pod", "inspect", one.instance.pod))
    pod = shown[0] if isinstance(shown, list) else shown
    assert not pod["InfraConfig"]["PortBindings"]
    address = one.run("slurm", "python3", "-c", OWN_ADDRESS)
    for port in (8000, 8001, 8010, 8081, 22):
        assert not answers(address, port), port
