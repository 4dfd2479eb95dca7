"""Daemons of the Slurm container are killed, or away for a while: they come back, and notebooks live through it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.hub_client import HubClient, Kernel
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

BACK_S = 20
"""Seconds within which a killed daemon is back; it takes 1 or 2 on an idle machine."""


@pytest.fixture(scope="module")
def notebook(running: RunningInstance) -> Iterator[Kernel]:
    """A kernel of otheruser that has a variable set, in a server that runs through all of this module."""
    client = running.client("otheruser")
    client.stop()
    client.start(brics_project="project1.brics")
    with client.kernel() as kernel:
        kernel.run("x = 42")
        yield kernel
    client.stop()


def assert_lives(notebook: Kernel) -> None:
    """The hub asks Slurm for the server now, and keeps it; its kernel has not been replaced."""
    answer = notebook.client.start_by_api({})
    assert answer.status_code == 400
    assert "already running" in answer.text, f"the hub has dropped the server: {answer.text}"
    assert notebook.run("print(x)").strip() == "42"


@pytest.mark.parametrize("daemon", ["munged", "slurmctld", "slurmd", "sshd"])
def test_killed_daemon_comes_back_and_runs_the_next_job(
    running: RunningInstance, notebook: Kernel, testuser: HubClient, daemon: str
) -> None:
    (job,) = running.jobs("otheruser.project1")
    before = running.pid(daemon)
    assert before, f"{daemon} does not run"
    running.slurm("kill", "-9", str(before))
    wait_for(lambda: running.pid(daemon) not in (0, before), f"{daemon} is back", deadline_s=BACK_S)
    running.wait_for_slurm()

    testuser.start(brics_project="project1.brics")
    assert testuser.run("import os; print('SLURM_JOB_ID' in os.environ)").strip() == "True"
    assert running.jobs("otheruser.project1") == [job]
    assert_lives(notebook)


def test_job_that_ended_just_before_the_controller_was_killed(
    running: RunningInstance, notebook: Kernel, testuser: HubClient
) -> None:
    """The controller saves its state every few seconds only, and would show the job until its time is up."""
    testuser.start(brics_project="project1.brics")
    (job,) = running.jobs("testuser.project1")
    testuser.stop()
    running.slurm("kill", "-9", str(running.pid("slurmctld")))
    wait_for(running.takes_jobs, "Slurm takes jobs")
    wait_for(lambda: job not in running.jobs(), "the job is not shown as running")
    assert_lives(notebook)


@pytest.mark.parametrize(("daemon", "polls"), [("sshd", 3), ("slurmctld", 1)])
def test_outage_drops_no_notebook(
    running: RunningInstance, notebook: Kernel, daemon: str, polls: int
) -> None:
    with running.stopped(daemon):
        for _ in range(polls):
            assert_lives(notebook)
        assert running.pid(daemon) == 0, "the daemon was not away"
    assert_lives(notebook)
    assert len(running.jobs("otheruser.project1")) == 1
