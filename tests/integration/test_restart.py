"""Containers restart: users stay signed in, and notebooks go on."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.support.hub_client import HubClient
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for


def hub_answers(client: HubClient) -> bool:
    try:
        return client.get("/hub/health").status_code == 200
    except OSError:
        return False


def hub_process(running: RunningInstance) -> int:
    """The hub's process ID on this machine; 0 while it does not run."""
    pid: int = running.container("jupyterhub").attrs["State"]["Pid"]
    return pid


@pytest.mark.parametrize("how", ["restarted", "ended"])
def test_hub_restarts_under_a_running_notebook(
    running: RunningInstance, testuser: HubClient, how: str
) -> None:
    testuser.start(brics_project="project1.brics")
    jobs = running.jobs("testuser.project1")
    with (
        testuser.kernel() as kernel,
        closing(testuser.websocket(f"/api/kernels/{kernel.id}/channels")) as open_one,
    ):
        kernel.run("x = 42")
        before = hub_process(running)
        if how == "restarted":
            running.container("jupyterhub").restart(timeout=10)
        else:
            # By itself, as far as podman knows: the pod's restart policy brings it back.
            # (What tells it to end may end with it.)
            running.run("jupyterhub", "sh", "-c", "kill 1")
            wait_for(lambda: hub_process(running) not in (0, before), "the hub's container is back")
        wait_for(lambda: hub_answers(testuser), "the hub answers again")
        assert hub_process(running) != before

        assert testuser.signed_in
        # The hub answers before it has looked at every server.
        wait_for(lambda: (testuser.server() or {}).get("ready"), "the hub has the server")
        assert running.jobs("testuser.project1") == jobs
        assert kernel.run("print(x)").strip() == "42"
        # The proxy is a container of its own: nobody's connection has ended.
        kernel.run("print('still', 'there')")
        while "still there" not in open_one.recv():
            pass
        # A job may ask the hub, with the token it got before: the server's page needs that.
        assert testuser.open_lab().status_code == 200
    testuser.stop()
    wait_for(lambda: not running.jobs("testuser.project1"), "the job of before is cancelled")


@pytest.mark.parametrize("how", ["restarted", "killed"])
def test_proxy_restarts_and_knows_every_route_again(
    running: RunningInstance, testuser: HubClient, how: str
) -> None:
    testuser.start(brics_project="project1.brics")
    with testuser.kernel() as kernel:
        kernel.run("x = 42")
        hub, proxy = hub_process(running), running.container("configurable-http-proxy")
        before = proxy.attrs["State"]["Pid"]
        if how == "restarted":
            proxy.restart(timeout=10)
        else:
            # By itself, as far as podman knows: the pod's restart policy brings it back.
            running.run("configurable-http-proxy", "sh", "-c", "kill 1")

        def is_back() -> bool:
            proxy.reload()
            return proxy.attrs["State"]["Pid"] not in (0, before)

        wait_for(is_back, "the proxy is back")
        server = f"{testuser.server_path}/api/status"
        wait_for(lambda: hub_answers(testuser) and testuser.get(server).ok, "the route is there")
        assert kernel.run("print(x)").strip() == "42"
        assert hub_process(running) == hub, "the hub has restarted too"


def test_slurm_restarts_and_runs_the_next_job(running: RunningInstance, otheruser: HubClient) -> None:
    otheruser.start(brics_project="project1.brics")
    key = running.slurm("sha256sum", "/var/lib/munge/munge.key")
    running.container("slurm").restart(timeout=10)
    wait_for(lambda: running.run("slurm", "sinfo").status == 0, "Slurm answers")
    wait_for(lambda: otheruser.server() is None or not running.jobs(), "the job's end is known", 120)
    assert running.slurm("sha256sum", "/var/lib/munge/munge.key") == key

    otheruser.stop()
    wait_for(lambda: running.ssh("true").status == 0, "the hub reaches Slurm")
    otheruser.start(brics_project="project1.brics")
    assert otheruser.run("print(6 * 7)").strip() == "42"
