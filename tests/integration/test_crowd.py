"""Ten users with the form's defaults work at once; who comes later waits for the place of somebody who leaves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import docker
import pytest

from tests.support.checkout import checkout
from tests.support.hub_client import HubClient
from tests.support.real_instance import RealInstance, brought_up
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200, func_only=True)]

LATE = ["late1", "late2"]
CROWD = 50
OVERCOMMIT = 5
"""The default of ``slurmCpuOvercommit``."""


@pytest.fixture(scope="module")
def crowd(podman: docker.DockerClient) -> Iterator[RealInstance]:
    """An instance with as many processors as two real ones have by default, and users for all of them and more."""
    processors = len(os.sched_getaffinity(0))
    with checkout() as root:
        names = [f"user{number}" for number in range(1, CROWD + 1)] + LATE
        (root / "config/dev_dummyauth/dev_users").write_text("".join(f"{name}.project1\n" for name in names))
        if processors != 2:
            own = f"slurmCpuOvercommit: {max(1, 2 * OVERCOMMIT // processors)}\n"
            (root / "config/dev_dummyauth/deploy.local.yaml").write_text(own)
        with brought_up(podman, root, "dev_dummyauth", "crowd", kept_port=8120) as instance:
            yield instance


def signed_in(crowd: RealInstance, user: str) -> HubClient:
    client = HubClient(crowd.url)
    client.sign_in(user, crowd.password)
    assert client.signed_in, f"{user} cannot sign in"
    return client


def job_of(crowd: RealInstance, user: str) -> str:
    (job,) = wait_for(lambda: crowd.jobs(f"{user}.project1"), f"{user} has a job")
    return job


def test_ten_work_at_once_and_the_rest_wait_for_their_turn(crowd: RealInstance) -> None:
    places = sum(
        map(int, crowd.slurm("sinfo", "--noheader", "--Node", "--partition=workq", "--format=%c").split())
    )
    users = [f"user{number}" for number in range(1, places + 1)]
    with ThreadPoolExecutor(places) as at_once:
        clients = [signed_in(crowd, user) for user in users]
        took = sorted(at_once.map(lambda client: client.start(), clients))
    print("from the form to ready:", [round(seconds, 1) for seconds in took])

    late = [signed_in(crowd, user) for user in LATE]
    # One after the other, so that Slurm has them in this order.
    for user, client in zip(LATE, late, strict=True):
        assert client.submit(client.spawn_form(), {}).status_code == 200
        assert crowd.job_state(job_of(crowd, user)) == "PENDING"
        assert (client.server() or {})["pending"] == "spawn"
    assert [client.run("print(6 * 7)").strip() for client in clients] == ["42"] * places

    for leaving, client in zip(clients, late, strict=False):
        leaving.stop()
        client.wait_until_ready()
        assert client.run("print(6 * 7)").strip() == "42"
    for client in [*clients[len(late) :], *late]:
        client.stop()


def test_fifty_start_at_once_and_all_get_their_turn(crowd: RealInstance) -> None:
    clients = [signed_in(crowd, f"user{number}") for number in range(1, CROWD + 1)]
    with ThreadPoolExecutor(CROWD) as at_once:
        waited = sorted(at_once.map(take_a_turn, clients))
    print("from the form to ready:", [round(seconds) for seconds in waited])
    wait_for(lambda: not crowd.slurm("squeue", "--noheader", "--format=%i").split(), "all jobs are over")


def take_a_turn(client: HubClient) -> float:
    """Start a server, use it, and make place for somebody else; seconds from the form to ready."""
    seconds = client.start()
    assert client.run("print(6 * 7)").strip() == "42"
    client.stop(look_every_s=1)
    return seconds
