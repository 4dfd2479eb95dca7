"""A limit for the queue and one for the start, of which the first does not count towards the second; rare queries."""

from __future__ import annotations

import time

import pytest
from bricsauthenticator.explain import duration
from bricsauthenticator.spawner import BricsSlurmSpawner
from real_hub import Browser, Hub, MakeHub, wait_for
from spawning import FORM, release, submit
from stand_in_issuer import Issuer

LIMITS = """
c.BricsSlurmSpawner.queue_timeout = 6
c.BricsSlurmSpawner.startup_timeout = 3
c.BricsSlurmSpawner.startup_poll_interval = 15
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 30}
"""
NEVER_LISTENS = "import time; time.sleep(60)"


@pytest.fixture(scope="module")
def hub(make_hub: MakeHub, issuer: Issuer) -> Hub:
    """A hub with short limits, whose spawner asks as seldom as in production."""
    return make_hub(issuer, LIMITS)


def test_a_server_that_waits_longer_than_a_start_may_take_starts(hub: Hub, alice: Browser) -> None:
    with hub.slurm_is("hold"):
        before = hub.questions()
        number = submit(alice)["number"]
        time.sleep(4)
        assert alice.server()["pending"] == "spawn"
    release(hub, number)
    alice.wait_ready()
    assert hub.questions() - before <= 4, (
        "batchspawner would have asked at once, once waiting and once running"
    )


def test_a_job_that_waits_too_long_is_cancelled_with_the_reason(hub: Hub, alice: Browser) -> None:
    with hub.slurm_is("hold"):
        began = time.monotonic()
        response = alice.post_api(FORM)
        assert response.status_code == 503
        assert 6 <= time.monotonic() - began < 60
    number = hub.job()["number"]
    assert response.json()["message"].startswith(
        f"Job {number} waited in the queue for 6 s, the longest allowed, and was cancelled"
    )
    assert (hub.slurm / f"cancelled-{number}").exists()
    assert not alice.server()


def test_a_server_that_never_listens_is_cancelled(hub: Hub, alice: Browser) -> None:
    server = hub.root / "bin/stand_in_server"
    text = server.read_text()
    server.write_text(f"{text.splitlines()[0]}\n{NEVER_LISTENS}\n")
    try:
        response = alice.post_api(FORM)
    finally:
        server.write_text(text)
    number = hub.job()["number"]
    assert response.status_code == 503
    assert f"Job {number} runs, but its server was not ready after 3 s" in response.json()["message"]
    wait_for((hub.slurm / f"cancelled-{number}").exists, "the job to be cancelled", 10)


def test_jupyterhubs_own_limit_leaves_time_for_both() -> None:
    spawner = BricsSlurmSpawner(queue_timeout=1000.0, startup_timeout=100.0)
    assert 1100 + spawner.command_timeout + spawner.search_timeout <= spawner.start_timeout < 1300
    assert BricsSlurmSpawner(start_timeout=5).start_timeout == 5


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (61, "1 min 1 s"), (5400, "1 h 30 min"), (86400, "24 h")]
)
def test_lengths_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
