"""A job is submitted, and something happens: it becomes the server's, or it ends. Never two, never an unknown one."""

from __future__ import annotations

import re
import threading
import time

import pytest

from tests.support import slurm_faults
from tests.support.hub_client import HubClient
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

ACCOUNT = "testuser.project1"
OPTIONS = {"brics_project": "project1.brics"}
MINUTE_S = 60


def press_start(client: HubClient) -> threading.Thread:
    """Start a server in the background, whatever comes of it."""

    def press() -> None:
        try:
            client.start_by_api(OPTIONS)
        except OSError as error:  # the hub was killed meanwhile
            print(error)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def all_jobs(running: RunningInstance) -> set[str]:
    """The IDs of the account's jobs, those included that ended within the last minute."""
    shown = running.slurm("squeue", "--noheader", "--states=all", "--format=%i", f"--user={ACCOUNT}")
    return set(shown.split())


def hub_log(running: RunningInstance) -> str:
    """The hub's last words."""
    text: bytes = running.container("jupyterhub").logs(tail=300)
    return text.decode(errors="replace")


def hub_answers(client: HubClient) -> bool:
    try:
        return client.get("/hub/health").status_code == 200
    except OSError:
        return False


def assert_usable(running: RunningInstance, client: HubClient) -> None:
    """The server has one job, with a mark, and works."""
    client.wait_until_ready()
    (comment,) = slurm_faults.marks(running, ACCOUNT)
    assert re.fullmatch("jupyterhub:[0-9a-f]{24}", comment)
    assert client.run("print(6 * 7)").strip() == "42"


def test_late_answer(running: RunningInstance, testuser: HubClient) -> None:
    with slurm_faults.sbatch(running, slurm_faults.LATE_ANSWER):
        began = time.time()
        answer = testuser.start_by_api(OPTIONS)
        assert answer.status_code in (201, 202), answer.text
        assert_usable(running, testuser)
        log = running.container("jupyterhub").logs(since=int(began)).decode()
        assert "Submitting a job for testuser failed" not in log, "it waited until sbatch was given up"


def test_late_answer_of_a_job_that_waits(running: RunningInstance, testuser: HubClient) -> None:
    with slurm_faults.pending(running), slurm_faults.sbatch(running, slurm_faults.LATE_ANSWER):
        thread = press_start(testuser)
        (job,) = wait_for(lambda: running.jobs(ACCOUNT), "the job waits")
        wait_for(lambda: f"Job {job} of testuser submitted" in hub_log(running), "it is adopted", 90)
        assert running.job_state(job) == "PENDING"
    thread.join()
    assert_usable(running, testuser)


def test_connection_cut_after_acceptance(running: RunningInstance, testuser: HubClient) -> None:
    with slurm_faults.sbatch(running, slurm_faults.SLOW_ANSWER):
        thread = press_start(testuser)
        wait_for(lambda: running.jobs(ACCOUNT), "the job")
        slurm_faults.cut_connections(running)
        thread.join(60)
    assert_usable(running, testuser)


def test_job_accepted_after_the_start_was_given_up(running: RunningInstance, testuser: HubClient) -> None:
    with slurm_faults.sbatch(running, slurm_faults.LATE_JOB):
        answer = testuser.start_by_api(OPTIONS)
        if answer.status_code == 202:
            wait_for(lambda: testuser.server() is None, "the start fails", 60)
        else:
            assert answer.status_code == 503, answer.text
            assert "try again" in answer.json()["message"]
        before = all_jobs(running)
    thread = press_start(testuser)
    wait_for(lambda: len(all_jobs(running) - before) == 2, "the late job beside the second start's")
    wait_for(lambda: len(running.jobs(ACCOUNT)) == 1, "it ends", MINUTE_S)
    thread.join()
    assert_usable(running, testuser)


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "running"])
def test_stop_while_submitting(running: RunningInstance, testuser: HubClient, waits: bool) -> None:
    running.slurm("scontrol", "update", "partition=workq", f"state={'down' if waits else 'up'}")
    try:
        with slurm_faults.sbatch(running, slurm_faults.LATE_ANSWER):
            thread = press_start(testuser)
            wait_for(lambda: running.jobs(ACCOUNT), "the job")
            testuser.stop()
            wait_for(lambda: not running.jobs(ACCOUNT), "the job ends", MINUTE_S)
            thread.join(60)
        assert testuser.server() is None
    finally:
        running.slurm("scontrol", "update", "partition=workq", "state=up")


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "running"])
def test_hub_killed_between_acceptance_and_answer(
    running: RunningInstance, testuser: HubClient, waits: bool
) -> None:
    running.slurm("scontrol", "update", "partition=workq", f"state={'down' if waits else 'up'}")
    try:
        with slurm_faults.sbatch(running, slurm_faults.SLOW_ANSWER):
            press_start(testuser)
            (before,) = wait_for(lambda: running.jobs(ACCOUNT), "the job")
            slurm_faults.kill_hub(running)
        wait_for(lambda: hub_answers(testuser), "the hub is back", 180)
        wait_for(lambda: before not in running.jobs(ACCOUNT), "the job ends", MINUTE_S)
        wait_for(lambda: testuser.server() is None, "no server")
    finally:
        running.slurm("scontrol", "update", "partition=workq", "state=up")
    testuser.start(**OPTIONS)
    assert_usable(running, testuser)


def test_job_is_not_requeued(running: RunningInstance, testuser: HubClient) -> None:
    testuser.start(**OPTIONS)
    (job,) = running.jobs(ACCOUNT)
    assert "Requeue=0" in running.slurm("scontrol", "show", "job", job)


def test_server_that_cannot_be_asked_for_can_be_stopped(
    running: RunningInstance, testuser: HubClient
) -> None:
    testuser.start(**OPTIONS)
    (job,) = running.jobs(ACCOUNT)
    with running.stopped("sshd"):
        answer = testuser.request("DELETE", "/hub/api/users/testuser/server")
        assert answer.status_code in (202, 204), answer.text
        wait_for(lambda: testuser.server() is None, "the server is gone", 120)
        assert running.jobs(ACCOUNT) == [job]
        # What was given up outlives the hub.
        slurm_faults.kill_hub(running)
        wait_for(lambda: hub_answers(testuser), "the hub is back", 180)
    wait_for(lambda: not running.jobs(ACCOUNT), "the job ends", MINUTE_S)
