"""A real JupyterHub as a process of its own, with this package, a test issuer and a stand-in for Slurm."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from own_ports import free_port
from stand_in_issuer import AUDIENCE, PLATFORM, Issuer

MakeHub = Callable[..., "Hub"]
"""The fixture that starts hubs: ``make_hub(issuer, config, **arguments)``."""

HERE = Path(__file__).resolve().parent
PACKAGES = HERE.parents[1]

METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: bricsauthenticator\nVersion: 0\n",
    "entry_points.txt": """\
[jupyterhub.authenticators]
brics = bricsauthenticator:BricsAuthenticator
[jupyterhub.spawners]
brics = bricsauthenticator:BricsSlurmSpawner
""",
}
"""As an installation has them: JupyterHub imports what entry points name before it has an event loop."""

ARGUMENTS = {
    "sbatch": "--parsable",
    "squeue": "-h -j \"$SLURMSPAWNER_JOB_ID\" -o '%T %B'",
    "scancel": '"$SLURMSPAWNER_JOB_ID"',
}
"""What the wrapper scripts give to Slurm's commands."""

CONFIG = """
import os
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    should_start = False
    routes = {{}}
    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {{"routespec": routespec, "target": target, "data": data}}
    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)
    async def get_all_routes(self):
        return self.routes

c = get_config()
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/jupyter/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.authenticator_class = "{authenticator}"
c.JupyterHub.spawner_class = "bricsauthenticator.BricsSlurmSpawner"
c.JupyterHub.log_level = "DEBUG"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.allow_named_servers = False
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self"]}},
]
c.BricsAuthenticator.oidc_server = "{oidc_server}"
c.BricsAuthenticator.brics_platform = "{platform}"
c.BricsAuthenticator.jwt_audience = "{audience}"
c.BricsSlurmSpawner.exec_prefix = "STAND_IN_ACCOUNT={{username}}"
c.BricsSlurmSpawner.batch_submit_cmd = "{root}/bin/slurmspawner_sbatch"
c.BricsSlurmSpawner.batch_query_cmd = "SLURMSPAWNER_JOB_ID={{job_id}} {root}/bin/slurmspawner_squeue"
c.BricsSlurmSpawner.batch_cancel_cmd = "SLURMSPAWNER_JOB_ID={{job_id}} {root}/bin/slurmspawner_scancel"
c.BricsSlurmSpawner.batch_list_cmd = (
    "{root}/bin/squeue --noheader --all --states=all --user={{username}} --format=%i@%T@%r@%k"
)
c.BricsSlurmSpawner.batch_watch_cmd = (
    "{root}/bin/squeue --noheader --all --states=all --jobs={{job_ids}} --format=%A@%T@%B"
)
c.BricsSlurmSpawner.failing_poll_interval = 2
c.BricsSlurmSpawner.ip = "127.0.0.1"
c.BricsSlurmSpawner.cmd = ["{root}/bin/stand_in_server"]
c.BricsSlurmSpawner.launcher_python = "{python}"
c.BricsSlurmSpawner.kernel_transport = ""
c.BricsSlurmSpawner.http_timeout = 10
c.BricsSlurmSpawner.poll_interval = 1
c.BricsSlurmSpawner.environment = {{"STAND_IN_SLURM": "{root}/slurm"}}
"""


class Hub:
    """A hub that can be started, killed and started again on the same database."""

    def __init__(self, root: Path, issuer: Issuer, config: str = "", authenticator: str = "") -> None:
        self.root = root
        self.issuer = issuer
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/jupyter/hub"
        self.slurm = root / "slurm"
        self.log = root / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._crypt_key = secrets.token_hex(32)
        (self.slurm / "home").mkdir(parents=True)
        self._make_commands()
        self._make_metadata()
        (root / "jupyterhub_config.py").write_text(
            CONFIG.format(
                port=self.port,
                root=root,
                python=sys.executable,
                oidc_server=issuer.url,
                platform=PLATFORM,
                audience=AUDIENCE,
                authenticator=authenticator or "bricsauthenticator.BricsAuthenticator",
            )
            + config
        )

    def _make_metadata(self) -> None:
        """What makes the package look installed."""
        folder = self.root / "site/bricsauthenticator-0.dist-info"
        folder.mkdir(parents=True)
        for name, text in METADATA.items():
            (folder / name).write_text(text)

    def _make_commands(self) -> None:
        """The wrappers as console scripts, and the stand-ins that they run."""
        folder = self.root / "bin"
        folder.mkdir()
        server = folder / "stand_in_server"
        server.write_text(f"#!{sys.executable}\n" + (HERE / "stand_in_server.py").read_text())
        server.chmod(0o755)
        for name in ("sbatch", "squeue", "scancel"):
            source = PACKAGES / "slurmspawner_wrappers" / "src"
            wrapper = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(source)!r})\n"
            wrapper += f"from slurmspawner_wrappers import {name}\n{name}()\n"
            if not source.is_dir():
                # This package by itself, as in the hub's container: what the scripts do.
                wrapper = f"#!/bin/sh\nexec {name} {ARGUMENTS[name]}\n"
            stand_in = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(HERE)!r})\n"
            stand_in += "import stand_in_slurm\nsys.exit(stand_in_slurm.main())\n"
            for path, text in (
                (folder / f"slurmspawner_{name}", wrapper),
                (folder / name, stand_in),
            ):
                path.write_text(text)
                path.chmod(0o755)

    def start(self) -> None:
        """Start the hub and wait until it answers."""
        environment = {
            **os.environ,
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(
                [str(self.root / "site"), str(PACKAGES / "bricsauthenticator" / "src")]
            ),
            "JUPYTERHUB_CRYPT_KEY": self._crypt_key,
            "STAND_IN_SLURM": str(self.slurm),
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "--config", str(self.root / "jupyterhub_config.py")],
                cwd=self.root,
                env=environment,
                stdout=log,
                stderr=log,
            )
        wait_for(self._healthy, "the hub to answer", 120, lambda: self.log.read_text()[-3000:])

    def _healthy(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the hub ended:\n{self.log.read_text()[-3000:]}")
        try:
            return requests.get(f"{self.url}/health", timeout=1).ok
        except requests.RequestException:
            return False

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the hub."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None

    @contextmanager
    def slurm_is(self, state: str, text: str = "") -> Iterator[None]:
        """Put a file into the folder of the stand-in for Slurm for a while: it says what that does."""
        (self.slurm / state).write_text(text)
        try:
            yield
        finally:
            (self.slurm / state).unlink()

    def jobs(self) -> int:
        """How many jobs were submitted."""
        return len(list(self.slurm.glob("job-*.sh")))

    def job(self) -> dict[str, Any]:
        """The last submitted job: its number, account, environment and script."""
        number = self.jobs()
        job = json.loads((self.slurm / f"job-{number}.json").read_text())
        return {"number": number, "script": (self.slurm / f"job-{number}.sh").read_text(), **job}

    def queries(self) -> int:
        """How often squeue was run for one job."""
        return self._count("queries")

    def questions(self) -> int:
        """How often squeue was run for all jobs."""
        return self._count("questions")

    def _count(self, what: str) -> int:
        path = self.slurm / what
        return path.stat().st_size if path.exists() else 0

    def end_jobs(self) -> None:
        """End whatever jobs still run."""
        for path in self.slurm.glob("job-*.pid"):
            pid = int(path.read_text())
            if pid:
                try:
                    os.killpg(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue

    def sign_in(self, token: str, session: requests.Session | None = None) -> requests.Response:
        """GET /hub/login with a token."""
        return (session or requests).get(
            f"{self.url}/login", headers={"X-Auth-Id-Token": token}, allow_redirects=False, timeout=10
        )

    def session(self, token: str | None = None, **claims: Any) -> Browser:
        """A browser that has signed in."""
        browser = Browser(self)
        response = self.sign_in(token or self.issuer.token(**claims), browser.http)
        assert response.status_code == 302, response.text
        return browser


class Browser:
    """A session in the hub, as a browser has it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.http = requests.Session()
        self.user = "alice"

    @property
    def xsrf(self) -> str:
        return next((cookie.value or "" for cookie in self.http.cookies if cookie.name == "_xsrf"), "")

    def whoami(self) -> str | None:
        """The signed-in user's name."""
        response = self.http.get(f"{self.hub.url}/api/user", params={"_xsrf": self.xsrf}, timeout=10)
        return response.json().get("name") if response.ok else None

    def form(self) -> str:
        """The page with the options form."""
        response = self.http.get(f"{self.hub.url}/spawn", timeout=10)
        assert response.status_code == 200, response.text
        return response.text

    def projects(self) -> list[str]:
        """The projects that the form offers."""
        select = re.search(r'<select[^>]*name="brics_project".*?</select>', self.form(), re.DOTALL)
        assert select
        return re.findall(r'<option value="([^"]*)"', select.group())

    def post_form(self, fields: Any) -> requests.Response:
        """Submit the form."""
        return self.http.post(
            f"{self.hub.url}/spawn",
            params={"_xsrf": self.xsrf},
            data=fields,
            allow_redirects=False,
            timeout=20,
        )

    def post_api(self, body: Any) -> requests.Response:
        """Start the server by the API."""
        return self.http.post(f"{self.hub.url}/api/users/{self.user}/server", **self._api(), json=body)

    def stop(self) -> requests.Response:
        """Stop the server by the API."""
        return self.http.delete(f"{self.hub.url}/api/users/{self.user}/server", **self._api())

    def _api(self) -> dict[str, Any]:
        return {"params": {"_xsrf": self.xsrf}, "headers": {"Referer": f"{self.hub.url}/home"}, "timeout": 90}

    def call_hub(self, token: str, body: Any) -> int:
        """What the launcher does to report; the status of the answer."""
        headers = {"Authorization": f"token {token}"}
        return requests.post(
            f"{self.hub.url}/api/batchspawner", headers=headers, json=body, timeout=10
        ).status_code

    def server(self) -> dict[str, Any]:
        """The state of the server, from the API; empty if there is none."""
        response = self.http.get(f"{self.hub.url}/api/users/{self.user}", **self._api())
        assert response.ok, response.text
        servers: dict[str, dict[str, Any]] = response.json()["servers"]
        return servers.get("", {})

    def wait_ready(self, timeout: float = 20) -> None:
        """Wait until the server is ready."""
        wait_for(
            lambda: bool(self.server().get("ready")),
            "the server to be ready",
            timeout,
            lambda: self.hub.log.read_text()[-5000:],
        )


def wait_for(condition: Any, what: str, timeout: float, explain: Any = lambda: "") -> None:
    """Wait for a condition with a deadline; the error tells what was waited for and why it did not come."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s for {what}\n{explain()}")
        time.sleep(0.1)
