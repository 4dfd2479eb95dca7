"""What operators have: announcements, administrators, metrics, idle servers, bounded logs. An instance of its own."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest
import requests
import websocket
import yaml

from brics_envs.plan.names import Instance
from tests.support.checkout import PROJECT
from tests.support.commands import invoke, ok
from tests.support.hub_client import HubClient
from tests.support.ports import free_port
from tests.support.running_instance import UP_DEADLINE_S, RunningInstance, instance_option
from tests.support.waiting import wait_for

TOKEN = "0123456789abcdef" * 4
FILL = "cd /var/log/slurm; head -c 11000000 /dev/zero | tr '\\0' x >>munged.log; stat --format=%s munged.log"
IDLE_S = 36
SETTINGS = {
    "devUsers": "busy.project1 typing.project1 idle.project1 keeper.project1",
    "adminUsers": "keeper",
    "idleServerHours": IDLE_S / 3600,
    "announcement": "Closed on <b>Monday</b>: https://status.example.org/?a=1&b=2",
}
SHOWN = 'Closed on &lt;b&gt;Monday&lt;/b&gt;: <a href="https://status.example.org/?a=1&amp;b=2"'


class Operated:
    """An instance with its operator's settings."""

    def __init__(self, running: RunningInstance, directory: Path) -> None:
        self.running, self.directory = running, directory

    def up(self, **changes: object) -> str:
        """What `up` says with these settings."""
        (self.directory / "deploy.yaml").write_text(yaml.safe_dump({**SETTINGS, **changes}))
        options = (*instance_option(self.running.instance), "--port", str(self.running.port))
        deploy_dir = ("--deploy-dir", str(self.directory))
        done = ok(invoke("up", "--env", "dev_dummyauth", *options, *deploy_dir, timeout_s=UP_DEADLINE_S))
        return done.stdout + done.stderr

    def containers(self) -> set[str]:
        """IDs of the containers, with the times of their starts."""
        found = [self.running.container(name) for name in ("jupyterhub", "configurable-http-proxy", "slurm")]
        return {f"{container.id} {container.attrs['State']['StartedAt']}" for container in found}

    def with_token(self, path: str, token: str = TOKEN) -> requests.Response:
        """The answer to a request with a token and nothing else."""
        headers = {"Authorization": f"token {token}"}
        return requests.get(f"{self.running.url}{path}", headers=headers, timeout=30, allow_redirects=False)


@pytest.fixture(scope="module")
def operated(
    images: None,
    tested: Instance,
    podman: docker.DockerClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Operated]:
    directory = tmp_path_factory.mktemp("deploy")
    token = directory / "metrics_token"
    token.touch(mode=0o600)
    token.write_text(TOKEN)
    running = RunningInstance(Instance(f"{tested.name}-op"), free_port(), podman, "")
    one = Operated(running, directory)
    try:
        one.up()
        yield one
    finally:
        ok(invoke("down", *running.option))


@pytest.fixture(scope="module")
def users(operated: Operated) -> Iterator[dict[str, HubClient]]:
    """Three users with servers: a silent cell that runs, a program in a terminal, a kernel that is open and idle."""
    found = {name: operated.running.client(name) for name in ("busy", "typing", "idle")}
    for client in found.values():
        client.start(brics_project="project1.brics")
        client.open_lab()
    run_silently(found["busy"])
    terminal = found["typing"].request("POST", "/user/typing/api/terminals", {}).json()["name"]
    with closing(found["typing"].websocket(f"/terminals/websocket/{terminal}")) as shell:
        shell.send(json.dumps(["stdin", "sleep 1000 >/dev/null\r"]))
        time.sleep(2)
    with closing(open_kernel(found["idle"])):
        yield found


def open_kernel(client: HubClient) -> websocket.WebSocket:
    answer = client.request("POST", f"{client.server_path}/api/kernels", {"name": "python3"})
    assert answer.status_code == 201, answer.text
    return client.websocket(f"/api/kernels/{answer.json()['id']}/channels?session_id={uuid.uuid4().hex}")


def run_silently(client: HubClient) -> None:
    """Begin a cell that takes longer than all tests and prints nothing, and leave."""
    header = {"msg_id": uuid.uuid4().hex, "session": "s", "username": "", "msg_type": "execute_request"}
    content = {"code": "import time; time.sleep(1000)", "silent": False, "store_history": False}
    message = {"header": {**header, "version": "5.3"}, "parent_header": {}, "metadata": {}}
    with closing(open_kernel(client)) as kernel:
        kernel.send(json.dumps({**message, "channel": "shell", "content": content}))
        while "execute_input" not in kernel.recv():
            pass


def test_the_announcement_is_on_all_pages_and_changes_without_a_restart(
    operated: Operated, users: dict[str, HubClient]
) -> None:
    visitor, user = operated.running.client(), operated.running.client("keeper")
    pages = [(visitor, "/hub/login"), (user, "/hub/home"), (user, "/hub/spawn")]
    for client, path in pages:
        assert SHOWN in client.get(path).text, path
    before = operated.containers()
    assert "nothing has to be restarted" in operated.up(announcement="Open again")
    for client, path in pages:
        page = client.get(path).text
        assert "Open again" in page, path
        assert "Monday" not in page, path
    operated.up(announcement="")
    assert "alert-warning" not in user.get("/hub/home").text
    assert operated.containers() == before


def test_administrators_see_and_stop_servers_and_open_none(
    operated: Operated, users: dict[str, HubClient]
) -> None:
    keeper = operated.running.client("keeper")
    assert keeper.get("/hub/admin").status_code == 200
    assert users["idle"].get("/hub/admin").status_code in (403, 404)
    listed = {user["name"]: user for user in keeper.request("GET", "/hub/api/users").json()}
    assert listed["busy"]["servers"][""]["ready"]

    assert keeper.get("/user/busy/lab").status_code == 403
    assert keeper.get("/user/busy/api/contents").status_code == 403
    for method, path, body in [
        ("POST", "/hub/api/users/busy/tokens", {}),
        ("GET", "/hub/api/users/busy/tokens", None),
        ("PATCH", "/hub/api/users/keeper", {"admin": True}),
        ("POST", "/hub/api/users/newcomer", {}),
        ("DELETE", "/hub/api/users/busy", None),
        ("POST", "/hub/api/users/keeper/tokens", {"roles": ["admin"]}),
        ("POST", "/hub/api/shutdown", {}),
        ("GET", "/hub/api/proxy", None),
    ]:
        assert keeper.request(method, path, body).status_code in (400, 403, 404), (method, path)
    assert users["busy"].server() is not None

    other = operated.running.client("keeper")
    other.start(brics_project="project1.brics")
    assert users["idle"].request("DELETE", "/hub/api/users/keeper/server").status_code in (403, 404)
    other.stop()


def test_prometheus_gets_all_that_the_dashboard_asks_for(
    operated: Operated, users: dict[str, HubClient]
) -> None:
    assert operated.with_token("/hub/metrics", "x" * 64).status_code == 403
    assert operated.with_token("/hub/api/users").status_code == 403
    assert operated.with_token("/hub/api/users/busy").status_code in (403, 404)
    answer = operated.with_token("/hub/metrics")
    assert answer.status_code == 200
    served = set(re.findall(r"^([A-Za-z_:][\w:]*)", answer.text, re.MULTILINE))
    dashboard = json.loads((PROJECT / "docs/grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    named = set(re.findall(r"\b(?:jupyterhub|brics)_\w+", " ".join(queries)))
    assert named - served == set()
    assert len(named) >= 10
    submitted = re.search(
        r'^brics_slurm_command_duration_seconds_count\{command="submit"\} (\S+)', answer.text, re.MULTILINE
    )
    assert submitted is not None
    assert float(submitted[1]) >= 3
    wait_for(
        lambda: "brics_ssh_duration_seconds_count 0.0" not in operated.with_token("/hub/metrics").text,
        "SSH has been measured",
    )
    assert "brics_ssh_failures_total 0.0" in operated.with_token("/hub/metrics").text


def test_idle_servers_are_stopped_and_those_that_compute_are_not(
    operated: Operated, users: dict[str, HubClient]
) -> None:
    wait_for(lambda: users["idle"].server() is None, "the idle server is stopped", deadline_s=4 * IDLE_S)
    time.sleep(IDLE_S)
    jobs = {operated.running.job_field(job, "username") for job in operated.running.jobs()}
    assert jobs == {"busy.project1", "typing.project1"}


def test_an_administrator_stops_the_server_of_another(
    operated: Operated, users: dict[str, HubClient]
) -> None:
    keeper = operated.running.client("keeper")
    assert keeper.request("DELETE", "/hub/api/users/busy/server").status_code in (202, 204)
    wait_for(lambda: not operated.running.jobs("busy.project1"), "the job has ended")


def test_slurms_logs_are_bounded(operated: Operated) -> None:
    running = operated.running
    for _ in range(6):
        # In one command, which the service hardly gets in between.
        before = running.slurm("sh", "-c", FILL)
        assert int(before) > 10 * 1024**2
        # The service looks again as soon as its pause is over.
        running.slurm("s6-svc", "-t", "/run/service/logrotate")
        wait_for(
            lambda: int(running.slurm("stat", "--format=%s", "/var/log/slurm/munged.log")) < 1024**2,
            "the log is rotated",
        )
    kept = running.slurm("sh", "-c", "ls /var/log/slurm/munged.log*").split()
    assert len(kept) == 5
    # Its writer goes on in the new one.
    running.slurm("s6-svc", "-wR", "-T", "10000", "-r", "/run/service/munged")
    wait_for(running.takes_jobs, "Slurm takes jobs")
    assert "x" not in running.slurm("head", "-c", "1", "/var/log/slurm/slurmctld.log")
