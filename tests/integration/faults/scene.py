"""The pod with a user at work: signed in, a server in a Slurm job, a kernel that holds a variable."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from brics_envs.effects import podman
from tests.support.commands import ok
from tests.support.hub_client import Connection, Kernel
from tests.support.real_instance import RealClient, RealInstance
from tests.support.waiting import wait_for

USER, ACCOUNT = "otheruser", "otheruser.project1"
"""The user at work, and the account that the job belongs to."""

SECOND_USER, SECOND_ACCOUNT = "testuser", "testuser.project1"
"""Who tries what a user who comes during a fault or afterwards would."""

PROJECT = "project1.brics"


class Scene:
    """One pod for all rows; what a row has ended is made anew before the next."""

    def __init__(self, real: RealInstance) -> None:
        self.real = real
        self._at_work = False
        self.notebook: Connection

    def set(self) -> None:
        """Have the user at work, as the row before left him or from the beginning."""
        if not self._at_work:
            self.client: RealClient = self.real.client(USER)
            self.client.stop()
            self.client.start(brics_project=PROJECT)
            (self.job,) = self.real.jobs(ACCOUNT)
            self.client.open_lab()
            made = self.client.request("POST", f"{self.client.server_path}/api/kernels", {"name": "python3"})
            assert made.status_code == 201, made.text
            self.kernel = Kernel(self.client, made.json()["id"])
            self.value = secrets.token_hex(8)
            self.kernel.run(f"x = {self.value!r}")
            self._at_work = True
        self.containers = self.container_ids()

    @contextmanager
    def open_notebook(self) -> Iterator[None]:
        """Keep a notebook open, with its connection, while the ``with`` block lasts."""
        with self.kernel.connected() as self.notebook:
            yield

    def start_again(self) -> None:
        """Have the user start another server before the next row."""
        self._at_work = False

    def repair(self) -> None:
        """Put in order what a failed row has left, so that the next one is not blamed for it."""
        self._at_work = False
        self.podman("pod", "rm", "--force", "--ignore", "--time=0", self.real.instance.pod)
        self.up()

    def up(self) -> str:
        """``invoke up`` as at first; what it printed."""
        return self.real.up("--direct-port", str(self.real.direct_port))

    @property
    def up_command(self) -> list[str]:
        """The same ``invoke up``, as its arguments."""
        real = self.real
        ports = ["--port", str(real.port), "--direct-port", str(real.direct_port)]
        return ["up", "--env", real.environment, *real.option, *ports]

    def container_ids(self) -> dict[str, str]:
        """Every container of the pod, by podman's list: name → ID."""
        lines = self.podman(
            "ps", "--all", "--filter", f"pod={self.real.instance.pod}", "--format={{.Names}} {{.ID}}"
        )
        return dict(line.split() for line in lines.splitlines())

    def container_names(self) -> list[str]:
        """The names of the pod's containers, as in the manifest; without the infrastructure's."""
        prefix = f"{self.real.instance.pod}-"
        return sorted(name.removeprefix(prefix) for name in self.container_ids() if name.startswith(prefix))

    def podman(self, *args: str) -> str:
        """What ``podman ARGS`` prints."""
        environment = {**os.environ, **podman.environment()}
        done = subprocess.run(["podman", *args], env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"podman {' '.join(args)}: {done.stderr}"
        return done.stdout.strip()

    def status(self) -> dict[str, Any]:
        """What ``invoke status --json`` says of the instance."""
        shown = ok(self.real.invoke("status", *self.real.option, "--json")).stdout
        found: dict[str, Any] = json.loads(shown)["instances"][0]
        return found

    def wait_until_ready(self) -> None:
        """Wait until ``invoke status`` says that the instance is ready."""
        last: dict[str, Any] = {}

        def ready() -> bool:
            last.update(self.status())
            return bool(last["state"] == "ready")

        wait_for(ready, f"status says ready: {last}", interval_s=0.5)
