"""Whatever happens while a job is submitted: it becomes the server's, or it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

import pytest
import requests
from own_processes import is_alive
from real_hub import Browser, Hub, MakeHub, wait_for
from spawning import FORM, start
from stand_in_issuer import Issuer

SHORT = """
c.BricsSlurmSpawner.command_timeout = 4
c.BricsSlurmSpawner.search_timeout = 2
"""
MINUTE = 60


@pytest.fixture(scope="module")
def hub(make_hub: MakeHub, issuer: Issuer) -> Hub:
    return make_hub(issuer, SHORT)


def start_in_background(alice: Browser) -> threading.Thread:
    """Press Start, without waiting for what comes of it."""

    def press() -> None:
        with contextlib.suppress(requests.ConnectionError):  # the hub may be killed meanwhile
            alice.post_api(FORM)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def is_over(hub: Hub, number: int) -> bool:
    """Whether a job has ended, or was cancelled before it began."""
    pid = hub.slurm / f"job-{number}.pid"
    return pid.exists() and (pid.read_text() == "0" or not is_alive(pid.read_text()))


def assert_one_job(hub: Hub, before: int) -> None:
    """The server is ready, and has the only job that was made."""
    assert hub.jobs() == before + 1
    assert not is_over(hub, hub.jobs())


def test_a_late_answer_does_not_matter_once_the_job_reports(hub: Hub, alice: Browser) -> None:
    before = hub.jobs()
    with hub.slurm_is("late", "30"):
        began = time.monotonic()
        start(alice)
        assert time.monotonic() - began < 15
    assert_one_job(hub, before)


def test_a_job_that_waits_is_found_after_the_answer_was_lost(hub: Hub, alice: Browser) -> None:
    before = hub.jobs()
    with hub.slurm_is("hold"), hub.slurm_is("lose", "Connection to slurm closed by remote host."):
        thread = start_in_background(alice)
        wait_for(lambda: f"Job {before + 1} of alice submitted" in hub.log.read_text(), "adoption", 20)
        alice.stop()
        thread.join()
    assert hub.jobs() == before + 1
    assert is_over(hub, before + 1)


@pytest.mark.parametrize(
    "words",
    [
        "Connection to slurm closed by remote host.",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
    ],
)
def test_a_job_whose_answer_was_lost_is_adopted(hub: Hub, alice: Browser, words: str) -> None:
    before = hub.jobs()
    with hub.slurm_is("lose", words):
        start(alice)
    assert_one_job(hub, before)


def test_a_job_that_nobody_can_see_ends_by_itself(hub: Hub, alice: Browser) -> None:
    before = hub.jobs()
    with hub.slurm_is("private"):
        with hub.slurm_is("lose", "Connection closed"):
            assert alice.post_api(FORM).status_code == 503
        wait_for(lambda: is_over(hub, before + 1), "the job to end", MINUTE)
        assert not (hub.slurm / f"cancelled-{before + 1}").exists()
        start(alice)
    assert hub.jobs() == before + 2


def test_a_job_that_is_accepted_after_the_hub_gave_up_is_cancelled(hub: Hub, alice: Browser) -> None:
    before = hub.jobs()
    with hub.slurm_is("hold"):
        with hub.slurm_is("fail"):
            assert alice.post_api(FORM).status_code == 503
        with hub.slurm_is("slow", "12"):  # more than the command's and the search's time-outs
            assert alice.post_api(FORM).status_code == 503
            wait_for(lambda: hub.jobs() == before + 1, "the late job", 30)
        wait_for((hub.slurm / f"cancelled-{before + 1}").exists, "the job to be cancelled", MINUTE)
    start(alice)
    assert hub.jobs() == before + 2


def test_stop_while_submitting(hub: Hub, alice: Browser) -> None:
    before = hub.jobs()
    with hub.slurm_is("hold"), hub.slurm_is("late", "8"):
        thread = start_in_background(alice)
        wait_for(lambda: hub.jobs() == before + 1, "the job", 20)
        assert alice.stop().status_code in (202, 204)
        wait_for((hub.slurm / f"cancelled-{before + 1}").exists, "the job to be cancelled", MINUTE)
        thread.join()
        wait_for(lambda: not alice.server(), "the server to be gone", 20)
    start(alice)
    assert hub.jobs() == before + 2


@pytest.mark.parametrize("waiting", [True, False])
def test_a_hub_killed_between_acceptance_and_answer(hub: Hub, alice: Browser, waiting: bool) -> None:
    before = hub.jobs()
    hold = [hub.slurm / "hold"] if waiting else []
    for file in hold:
        file.touch()
    with hub.slurm_is("late", "6"):
        start_in_background(alice)
        wait_for(lambda: hub.jobs() == before + 1, "the job", 20)
        hub.kill()
    hub.start()
    wait_for(lambda: is_over(hub, before + 1), "the job to end", MINUTE)
    for file in hold:
        file.unlink()
    wait_for(lambda: not alice.server(), "no server", 20)
    start(alice)
    assert hub.jobs() == before + 2


def test_a_hub_restarted_later_still_knows_what_it_gave_up(hub: Hub, alice: Browser) -> None:
    before = hub.jobs()
    with hub.slurm_is("hold"):
        with hub.slurm_is("lose", "Connection closed"), hub.slurm_is("private"):
            assert alice.post_api(FORM).status_code == 503
            hub.kill()
        hub.start()
        cancelled = hub.slurm / f"cancelled-{before + 1}"
        wait_for(cancelled.exists, "the job to be cancelled", MINUTE)


def test_a_server_that_cannot_be_queried_can_be_stopped(make_hub: MakeHub, issuer: Issuer) -> None:
    hub = make_hub(issuer, "c.BricsSlurmSpawner.stop_timeout = 3")
    alice = hub.session()
    start(alice)
    with hub.slurm_is("fail"):
        assert alice.stop().status_code in (202, 204)
        wait_for(lambda: not alice.server(), "the server to be gone", 20)
        hub.kill()
        hub.start()
    wait_for((hub.slurm / "cancelled-1").exists, "the job to be cancelled", MINUTE)


def test_a_job_is_lost_when_nothing_is_known_long_after_its_time(make_hub: MakeHub, issuer: Issuer) -> None:
    hub = make_hub(issuer, "c.BricsSlurmSpawner.lost_grace = 2")
    alice = hub.session()
    start(alice, runtime="00:00:05")
    with hub.slurm_is("fail"):
        time.sleep(3)
        assert alice.server()["ready"], "its time is not up"
        wait_for(lambda: not alice.server(), "the server to be lost", 20)
    wait_for((hub.slurm / "cancelled-1").exists, "the job to be cancelled", MINUTE)


def test_a_restarted_hub_keeps_a_server_that_does_not_answer(hub: Hub, alice: Browser) -> None:
    start(alice)
    job = hub.job()["number"]
    group = int((hub.slurm / f"job-{job}.pid").read_text())
    hub.kill()
    os.killpg(group, signal.SIGSTOP)
    hub.start()
    alice.wait_ready()
    time.sleep(12)  # more than http_timeout
    assert alice.server()["ready"]
    assert not (hub.slurm / f"cancelled-{job}").exists()
    os.killpg(group, signal.SIGCONT)
    assert alice.stop().status_code in (202, 204)
    wait_for(lambda: not alice.server(), "the server to be gone", 20)


def test_a_restarted_hub_asks_again_for_a_job_whose_server_does_not_answer(
    make_hub: MakeHub, issuer: Issuer
) -> None:
    hub = make_hub(issuer, "c.BricsSlurmSpawner.poll_interval = 60")
    alice = hub.session()
    start(alice)
    hub.kill()
    before = hub.questions()
    os.killpg(int((hub.slurm / f"job-{hub.job()['number']}.pid").read_text()), signal.SIGKILL)
    # As after a start of Slurm's nodes: they tell the controller a moment later that there are no jobs.
    with hub.slurm_is("remember"):
        starting = threading.Thread(target=hub.start)
        starting.start()
        wait_for(lambda: hub.questions() > before, "the hub to ask", 20)
        time.sleep(1)
    starting.join(60)
    assert not alice.server()
