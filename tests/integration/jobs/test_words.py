"""What users are told when a server does not start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support import slurm_faults
from tests.support.commands import ok
from tests.support.failed_start import page_that_says
from tests.support.hub_client import HubClient
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

HOME = "/home/project1/testuser.project1"
ACCOUNT = "testuser.project1"
FAILED = "sbatch: error: Batch job submission failed: "


def start(client: HubClient, **options: str) -> tuple[bool, str]:
    """Start a server that does not come up: whether the user is asked to try again, and what they are told."""
    answer = client.start_by_api({"brics_project": "project1.brics", **options})
    if answer.status_code != 202:
        assert answer.status_code in (400, 500, 503), answer.text
        message = answer.json()["message"]
    else:
        with client.get("/hub/api/users/testuser/server/progress", stream=True) as events:
            lines = [line for line in events.iter_lines() if b'"failed": true' in line]
        assert lines, "it did not fail"
        message = lines[0].decode()
    wait_for(lambda: client.server() is None, "no server is left")
    return "try again" in message, message


@contextmanager
def moved(running: RunningInstance, *, owner: str = "", away: str = "") -> Iterator[None]:
    """Give the home another owner, or move it away, while the ``with`` block lasts."""
    if owner:
        ok(running.run("slurm", "chown", owner, HOME))
        ok(running.run("slurm", "chmod", "755", HOME))
    else:
        ok(running.run("slurm", "mv", HOME, away))
    try:
        yield
    finally:
        if owner:
            ok(running.run("slurm", "chown", ACCOUNT, HOME))
            ok(running.run("slurm", "chmod", "700", HOME))
        else:
            ok(running.run("slurm", "mv", away, HOME))


@pytest.mark.parametrize("daemon", ["slurmctld", "munged", "sshd"])
def test_daemon_away_is_no_refusal(running: RunningInstance, testuser: HubClient, daemon: str) -> None:
    with running.stopped(daemon):
        again, message = start(testuser)
    assert again, message
    assert "refused" not in message


def test_frozen_controller_is_no_refusal(running: RunningInstance, testuser: HubClient) -> None:
    with slurm_faults.frozen(running, "slurmctld"):
        again, message = start(testuser)
    assert again, message
    wait_for(lambda: not running.jobs(ACCOUNT), "no job is left")


@pytest.mark.parametrize(
    "words",
    [
        f"{FAILED}Socket timed out on send/recv operation",
        f"sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n{FAILED}"
        "Resource temporarily unavailable",
        f"{FAILED}Slurm backup controller in standby mode",
    ],
)
def test_failure_on_the_way_is_no_refusal(running: RunningInstance, testuser: HubClient, words: str) -> None:
    with slurm_faults.sbatch(running, slurm_faults.says(words)):
        again, message = start(testuser)
    assert again, message


def test_sites_own_words(running: RunningInstance, testuser: HubClient) -> None:
    words = f"sbatch: error: Bitte ein <b>Projekt</b> wählen.\nsbatch: error: 项目已过期。\n{FAILED}Unspecified error\n"
    with slurm_faults.sbatch(running, slurm_faults.says(words)):
        answer = testuser.submit(testuser.spawn_form(), {"brics_project": "project1.brics"})
        text = page_that_says(testuser, answer, "Bitte ein &lt;b&gt;Projekt&lt;/b&gt; wählen.")
    assert "项目已过期。" in text
    assert "<b>Projekt" not in text


def test_home_that_is_not_there(running: RunningInstance, testuser: HubClient) -> None:
    with moved(running, away="/home/project1/away"):
        _, message = start(testuser)
    assert HOME in message
    assert "home directory" in message
    assert "cannot be reached" not in message


def test_home_that_cannot_be_written(running: RunningInstance, testuser: HubClient) -> None:
    with moved(running, owner="root"):
        _, message = start(testuser)
    assert f"nothing can be written in the home directory {HOME}: Permission denied" in message


@contextmanager
def server_config(running: RunningInstance, text: str) -> Iterator[None]:
    """Have ``text`` as Jupyter Server's configuration in the home while the ``with`` block lasts."""
    write = f'mkdir -p {HOME}/.jupyter && printf %s "$0" >{HOME}/.jupyter/jupyter_server_config.py'
    running.slurm("bash", "-c", write, text, user=ACCOUNT)
    try:
        yield
    finally:
        running.slurm("rm", "-r", f"{HOME}/.jupyter")


def test_server_that_fails_shows_its_last_words(running: RunningInstance, testuser: HubClient) -> None:
    with server_config(running, 'raise SystemExit("my own fault")'):
        _, message = start(testuser)
    assert "ended before its server was ready: FAILED (NonZeroExitCode), exit status" in message
    assert "my own fault" in message


@pytest.mark.full
def test_server_whose_time_runs_out_shows_its_jobs_state(
    running: RunningInstance, testuser: HubClient
) -> None:
    with server_config(running, "import time; time.sleep(600)"):
        _, message = start(testuser, runtime="00:01:00")
    assert "ended before its server was ready: TIMEOUT" in message


def test_job_that_dies_before_its_launcher_shows_its_state(
    running: RunningInstance, testuser: HubClient
) -> None:
    running.slurm("sh", "-c", f"echo exit 7 >{HOME}/.bash_profile", user=ACCOUNT)
    try:
        _, message = start(testuser)
    finally:
        running.slurm("rm", f"{HOME}/.bash_profile")
    assert "FAILED (NonZeroExitCode)" in message


def test_job_that_is_cancelled_shows_its_state(running: RunningInstance, testuser: HubClient) -> None:
    running.slurm("sh", "-c", f"echo 'kill -9 $$' >{HOME}/.bash_profile", user=ACCOUNT)
    try:
        _, message = start(testuser)
    finally:
        running.slurm("rm", f"{HOME}/.bash_profile")
    assert "FAILED (RaisedSignal:9(Killed))" in message
