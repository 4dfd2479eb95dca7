"""The hub restarts at a bad moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.faults.causes.processes import frozen, killed
from tests.integration.faults.scene import Scene
from tests.support.waiting import wait_for


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
