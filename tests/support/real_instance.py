"""Instances that tests bring up from a copy of the checkout.

For work on the tests themselves ``BRICS_TEST_CHECKOUT=DIR`` keeps copy and instances: what is there is used again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests

from brics_envs.effects.process import Completed
from brics_envs.plan.names import Instance
from brics_envs.plan.ports import ISSUER_OFFSET
from brics_envs.plan.volumes import VOLUMES
from tests.support.commands import invoke, ok
from tests.support.hub_client import TIMEOUT_S, HubClient, forms
from tests.support.ports import answers, free_port
from tests.support.running_instance import UP_DEADLINE_S, RunningInstance

TOKEN_HEADER = "X-Auth-Id-Token"  # noqa: S105 - its name


def free_sign_in_port() -> int:
    """A sign-in port P with P, the issuer's port and P + 1 (for --direct-port) free on 127.0.0.1."""
    while True:
        port = free_port()
        if not any(answers("127.0.0.1", port + offset) for offset in (0, 1, ISSUER_OFFSET)):
            return port


@contextmanager
def brought_up(
    podman: docker.DockerClient,
    root: Path,
    environment: str,
    name: str,
    *,
    kept_port: int,
    direct: bool = False,
) -> Iterator[RealInstance]:
    """An instance of an environment, taken down at the end.

    :param kept_port: its sign-in port if it is kept.
    :param direct: whether JupyterHub's own port is published too.
    """
    kept = "BRICS_TEST_CHECKOUT" in os.environ
    instance = Instance(name)
    used = {volume.name for volume in podman.volumes.list()} & {instance.named(v) for v in VOLUMES}
    assert kept or not used, f"volumes {', '.join(sorted(used))} exist: the tests would remove them"
    port = kept_port if kept else free_sign_in_port()
    made = RealInstance(instance=instance, port=port, podman=podman, root=root, environment=environment)
    try:
        made.up(*(["--direct-port", str(made.direct_port)] if direct else []))
        yield made
    finally:
        if not kept:
            ok(made.invoke("down", *made.option, timeout_s=300))


@dataclass(frozen=True, kw_only=True)
class RealInstance(RunningInstance):
    """An instance of a copy of the checkout, ``root``."""

    root: Path
    environment: str
    output: str = ""

    @property
    def directory(self) -> Path:
        """The instance's generated files."""
        return self.instance.directory(self.root)

    @property
    def direct_port(self) -> int:
        """JupyterHub's own port, past the proxy."""
        return self.port + 1

    @property
    def direct_url(self) -> str:
        """JupyterHub past the proxy, with the base URL."""
        return f"http://127.0.0.1:{self.direct_port}/jupyter"

    @property
    def issuer(self) -> str:
        """The issuer's URL."""
        return f"http://127.0.0.1:{self.port + ISSUER_OFFSET}"

    def invoke(self, *args: str, timeout_s: float = 120) -> Completed:
        """Run ``invoke ARGS`` in the copy."""
        return invoke(*args, timeout_s=timeout_s, cwd=self.root)

    def up(self, *options: str) -> str:
        """``invoke up`` with further options; what it printed."""
        command = ["up", "--env", self.environment, *self.option, "--port", str(self.port), *options]
        done = ok(self.invoke(*command, timeout_s=UP_DEADLINE_S))
        return done.stdout + done.stderr

    def token(self, user: str = "testuser", *options: str) -> str:
        """What ``invoke token`` prints."""
        return ok(self.invoke("token", *self.option, "--user", user, *options)).stdout.strip()

    def client(self, user: str = "") -> RealClient:
        """A new browser session at the sign-in proxy; with a user's name, signed in at the provider."""
        client = RealClient(self.url)
        if user:
            client.sign_in(user, self.password)
            assert client.signed_in, f"{user} cannot sign in"
        return client

    def with_token(self, token: str, user: str = "") -> RealClient:
        """A browser session past the proxy, that has sent a token to the sign-in."""
        client = RealClient(self.direct_url)
        client.user = user
        client.get("/hub/login", headers={TOKEN_HEADER: token})
        return client

    def jwks(self) -> dict[str, Any]:
        """The keys that the issuer publishes."""
        session = requests.Session()
        session.trust_env = False
        keys: dict[str, Any] = session.get(f"{self.issuer}/openid/jwks", timeout=TIMEOUT_S).json()
        return keys

    def log(self, container: str, since: float) -> str:
        """What a container has written since a time."""
        logs: bytes = self.container(container).logs(since=int(since))
        return logs.decode(errors="replace")


class RealClient(HubClient):
    """A browser's session that is signed in at the OpenID provider, or by a token."""

    def sign_in(self, user: str, password: str, following: str = "") -> requests.Response:
        """Go to the hub, and fill in the provider's form, to which that leads."""
        page = self.get(following or "/hub/home")
        found = [form for form in forms(page) if "password" in form.fields]
        assert found, f"{page.url} has no sign-in form: {page.text[:500]}"
        data = found[0].fields | {"username": user, "password": password}
        origin = "{0.scheme}://{0.netloc}".format(requests.compat.urlsplit(page.url))
        answer = self.http.post(found[0].action, data=data, headers={"Origin": origin}, timeout=TIMEOUT_S)
        self.user = user
        return answer

    def sign_out(self) -> requests.Response:
        """Sign out at the hub and follow to the end, sending the provider's form as its script does."""
        page = self.get("/hub/logout")
        (form,) = forms(page)
        assert "logout" in form.fields, page.text
        return self.http.post(form.action, data=form.fields, timeout=TIMEOUT_S)


def cookie_names(answers: Sequence[requests.Response]) -> set[str]:
    """The names of the cookies that answers set."""
    return {cookie.name for answer in answers for cookie in answer.cookies}
