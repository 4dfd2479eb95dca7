"""The hub restarts at a bad moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import requests

from tests.integration.faults.causes.processes import frozen, killed
from tests.integration.faults.scene import Scene
from tests.support.hub_client import TIMEOUT_S
from tests.support.waiting import wait_for

OWN_TOKEN = "import os; print(os.environ['JUPYTERHUB_API_TOKEN'], end='')"  # noqa: S105 - how to print it


@contextmanager
def killed_before_stop(scene: Scene) -> Iterator[None]:
    """Kill the hub; the user then stops the server, whose own token the new hub must revoke."""
    token = scene.kernel.run(OWN_TOKEN)
    with killed("jupyterhub")(scene):
        pass
    wait_for(scene.real.hub_answers, "the hub answers", 120)
    assert _status(scene, token) == 200
    scene.client.stop()
    yield
    assert _status(scene, token) == 403


def _status(scene: Scene, token: str) -> int:
    """That of a server's report that it is used."""
    body = {"servers": {"": {"last_activity": datetime.now(UTC).isoformat()}}}
    path = f"/hub/api/users/{scene.client.user}/activity"
    headers = {"Authorization": f"token {token}"}
    with requests.Session() as session:
        session.trust_env = False
        return session.post(
            f"{scene.real.direct_url}{path}", headers=headers, json=body, timeout=TIMEOUT_S
        ).status_code


@contextmanager
def killed_while_server_is_silent(scene: Scene) -> Iterator[None]:
    """Freeze the server, kill the hub, and wait until it is back and has noticed."""
    began = time.time()
    with frozen("jupyterhub-singleuser", 0)(scene):
        with killed("jupyterhub")(scene):
            pass
        wait_for(scene.real.hub_answers, "the hub answers", 120)
        wait_for(
            lambda: "does not answer" in scene.real.log("jupyterhub", began),
            "the hub has tried the server",
            120,
        )
        yield
