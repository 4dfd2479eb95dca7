"""The form that knows the cluster in the pod, and what it may ask of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.hub_client import HubClient
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

RESERVATION = "course.2026-a"


def form_of(client: HubClient) -> str:
    """The page with the form."""
    return client.get(f"/hub/spawn/{client.user}").text


@pytest.fixture
def reservation(running: RunningInstance) -> Iterator[str]:
    """One of testuser's, with a dot in its name, and a hub that has not asked Slurm before it was there."""
    create = f"ReservationName={RESERVATION} Users=testuser.project1 StartTime=now Duration=60 Nodes=n2"
    running.run("slurm", "scontrol", "create", "reservation", *create.split())
    # An answer counts as new for a minute, also one that another test was given.
    before = running.container("jupyterhub").attrs["State"]["Pid"]
    running.container("jupyterhub").restart(timeout=10)
    wait_for(
        lambda: running.container("jupyterhub").attrs["State"]["Pid"] not in (0, before), "the hub is back"
    )
    wait_for(running.hub_answers, "the hub answers")
    yield RESERVATION
    running.run("slurm", "scontrol", "delete", f"ReservationName={RESERVATION}")


def test_servers_run_where_the_form_lets_them(
    running: RunningInstance, reservation: str, testuser: HubClient, otheruser: HubClient
) -> None:
    wait_for(lambda: reservation in form_of(testuser), "the form offers the reservation")
    form = form_of(testuser)
    assert re.findall(r'<option value="(workq|interactive)"', form) == ["workq", "interactive"]
    assert re.search(r"interactive \(\d of 8 GPUs free, \d of 2 nodes free, at most 08:00:00\)", form)
    assert reservation not in form_of(otheruser)

    testuser.start(brics_project="project1.brics", reservation=reservation, gpu_type="gh200", ngpus="2")
    try:
        job = running.jobs("testuser.project1")[0]
        shown = running.slurm("scontrol", "--oneliner", "show", "job", job)
        home = testuser.get("/hub/home").text
    finally:
        testuser.stop()
    assert f"Reservation={reservation}" in shown
    assert "gres:gh200:2" in shown.replace("/", ":") or "gpu:gh200:2" in shown
    for fact in ("project1.brics", job, "n2", "Time left"):
        assert fact in home


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"partition": "interactive", "runtime": "09:00:00"},
            "runtime: must be more than 00:00:00 and at most",
        ),
        ({"gpu_type": "a100"}, "gpu_type: must be one of gh200."),
    ],
)
def test_what_the_cluster_does_not_have_is_refused(
    testuser: HubClient, options: dict[str, str], message: str
) -> None:
    wait_for(lambda: "GPUs free" in form_of(testuser), "the form knows the cluster")
    answer = testuser.start_by_api({"brics_project": "project1.brics", **options})
    assert answer.status_code == 400
    assert message in answer.json()["message"]
