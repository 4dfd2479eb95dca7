"""The pod's ports belong to the pod: jobs, which share its network, neither take them nor keep others off them."""

from __future__ import annotations

import pytest

from brics_envs.effects.podman import podman
from tests.support.containers import container_down
from tests.support.hub_client import HubClient
from tests.support.pod_ports import ACCOUNT, CROWD, assert_nobody_takes, job, ports_of
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

DAEMONS = {"ssh": "sshd", "slurmctld": "slurmctld", "slurmd": "slurmd"}
"""Name of a port → the daemon of the Slurm container that listens there."""


def test_every_port_is_one_that_the_manifest_names(running: RunningInstance) -> None:
    assert set(ports_of(running).values()) >= {"http", "hub-api", "proxy-api", *DAEMONS}


def test_a_job_takes_no_port_while_its_owner_is_down(running: RunningInstance) -> None:
    owners = {name: container_down(running, name) for name in ("jupyterhub", "configurable-http-proxy")}
    assert_nobody_takes(running, owners | {name: running.stopped(name) for name in DAEMONS.values()})


CONNECT = """
import errno, socket, sys
with socket.socket() as probe:
    print(errno.errorcode.get(probe.connect_ex((sys.argv[1], int(sys.argv[2]))), "connected"))
"""

OF_USERS = {"hub-api", "slurmctld", "slurmd"}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "0.0.0.0"])  # noqa: S104
def test_users_reach_what_their_jobs_need_alone(running: RunningInstance, address: str) -> None:
    for port, name in ports_of(running).items():
        for user, reached in (("root", True), (ACCOUNT, name in OF_USERS)):
            if address == "127.9.9.9" and name != "http":
                continue  # all but the sign-in port listen on 127.0.0.1 alone
            shown = running.slurm("python3", "-c", CONNECT, address, str(port), user=user).strip()
            assert shown == ("connected" if reached else "ECONNREFUSED"), f"{user}, {name}"


def test_a_crowd_of_connections_shuts_nobody_out(running: RunningInstance, otheruser: HubClient) -> None:
    ports = ports_of(running)
    with job(running, CROWD, list(ports)) as crowd:
        wait_for(
            lambda: crowd.told()["tried"] >= 2000, "thousands have been tried", deadline_s=200, interval_s=1
        )
        held = {ports[int(port)]: number for port, number in crowd.told()["held"].items()}
        assert {name for name, number in held.items() if number} <= OF_USERS, held
        assert 0 < held["hub-api"] <= 200, held
        assert max(held["slurmctld"], held["slurmd"]) <= 32, held
        # All new, over and over: sign-in, submission over SSH by the hub, the job's report to the hub.
        with running.stopped("sshd"):
            pass
        for _ in range(2):
            client = running.client("otheruser")
            client.start(brics_project="project1.brics")
            assert client.run("print(6 * 7)").strip() == "42"
            client.stop()
        assert crowd.told()["tried"] > 2000


def test_the_slurm_container_does_not_start_without_the_rules(running: RunningInstance) -> None:
    """The entrypoint's own check, where there is no rule: in a network of its own."""
    entrypoint = "/usr/local/lib/brics-slurm/slurm_entrypoint.py"
    script = f"mkdir -p /etc/brics/slurm && touch /etc/brics/slurm/firewall && {entrypoint}"
    image = running.container("slurm").attrs["Config"]["Image"]
    # Not through podman's socket, where the output of what ends at once is lost at times.
    done = podman("run", "--rm", "--network=none", "--entrypoint", '["sh", "-c"]', image, script, check=False)
    assert done.status != 0
    assert "firewall has not run" in done.stderr
