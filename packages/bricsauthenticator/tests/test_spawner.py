"""Servers as jobs, in a real hub with a stand-in for Slurm: life cycle, secrets, restarts."""

from __future__ import annotations

import json
import time

import requests
from real_hub import Browser, Hub, wait_for
from spawning import start, submit


def test_a_server_runs_as_the_account_of_the_chosen_project(hub: Hub, alice: Browser) -> None:
    start(alice, brics_project="project2.brics", reservation="r1")
    job = hub.job()
    assert job["account"] == "alice.project2"
    assert "# alice.project2 /home/project2/alice.project2 project2 project2.brics\n" in job["script"]
    assert "# runtime=00:10:00 ngpus=2 partition=grace reservation=r1\n" in job["script"]
    environment = job["environment"]
    assert environment["USER"] == "alice.project2"
    assert environment["HOME"] == "/home/project2/alice.project2"
    assert environment["JUPYTERHUB_USER"] == "alice"
    assert environment["JUPYTERHUB_SERVICE_URL"].startswith("http://127.0.0.1:")
    url = alice.server()["url"]
    assert url == "/jupyter/user/alice/"


def test_secrets_stay_where_they_belong(hub: Hub, alice: Browser) -> None:
    start(alice)
    job = hub.job()
    token = job["environment"]["JUPYTERHUB_API_TOKEN"]
    assert token not in job["script"]
    assert token not in hub.log.read_text()
    for environment in (job["environment"], json.loads((hub.slurm / "query-environment").read_text())):
        assert "JUPYTERHUB_CRYPT_KEY" not in environment
        assert "CONFIGPROXY_AUTH_TOKEN" not in environment
    queried = json.loads((hub.slurm / "query-environment").read_text())
    assert not [name for name in queried if name.startswith("JUPYTERHUB_")]


def token_works(hub: Hub, token: str) -> bool:
    headers = {"Authorization": f"token {token}"}
    return requests.get(f"{hub.url}/api/user", headers=headers, timeout=10).ok


def test_stopping_cancels_the_job_and_revokes_its_token(hub: Hub, alice: Browser) -> None:
    start(alice)
    job = hub.job()
    token = job["environment"]["JUPYTERHUB_API_TOKEN"]
    assert token_works(hub, token)
    assert alice.stop().status_code == 204
    assert (hub.slurm / f"cancelled-{job['number']}").exists()
    assert not alice.server()
    assert not token_works(hub, token)


def test_a_job_that_ends_is_noticed_and_its_token_revoked(hub: Hub, alice: Browser) -> None:
    start(alice)
    token = hub.job()["environment"]["JUPYTERHUB_API_TOKEN"]
    hub.end_jobs()
    wait_for(lambda: not alice.server(), "the hub to notice", 20)
    assert not token_works(hub, token)


def test_a_waiting_job_shows_progress_and_is_queried_ever_more_rarely(hub: Hub, alice: Browser) -> None:
    with hub.slurm_is("hold"):
        before = hub.questions()
        number = submit(alice)["number"]
        response = alice.http.get(
            f"{hub.url}/api/users/alice/server/progress",
            params={"_xsrf": alice.xsrf},
            headers={"Referer": f"{hub.url}/home"},
            stream=True,
            timeout=20,
        )
        events = []
        for line in response.iter_lines():
            if line.startswith(b"data:"):
                events.append(json.loads(line[5:]))
                if "Place" in events[-1]["message"]:
                    break
        response.close()
        assert events[-1]["message"] == (
            f"Slurm job {number} waits in the queue: other jobs come before it (Priority). Place 2 of 2 that wait for "
            "its partition. Slurm expects it to start in about 20 min"
        )
        assert [e["progress"] for e in events] == sorted(e["progress"] for e in events)
        time.sleep(5)
        assert hub.questions() - before <= 14
        assert hub.queries() == 0
        alice.stop()
    assert (hub.slurm / f"cancelled-{number}").exists()


def test_a_restarted_hub_keeps_and_stops_its_servers(hub: Hub, alice: Browser) -> None:
    start(alice, brics_project="project2.brics")
    number = hub.job()["number"]
    hub.kill()
    hub.start()
    assert alice.whoami() == "alice"
    wait_for(lambda: alice.server().get("ready"), "the server to be found again", 30)
    assert hub.job()["number"] == number
    time.sleep(2.5)
    assert alice.server()["ready"], "polls find the job"
    assert alice.stop().status_code == 204
    assert (hub.slurm / f"cancelled-{number}").exists()


def test_a_restarted_hub_cancels_jobs_that_were_starting(hub: Hub, alice: Browser) -> None:
    with hub.slurm_is("hold"):
        number = submit(alice)["number"]
        wait_for(lambda: f"Job {number} of alice submitted" in hub.log.read_text(), "the submission", 20)
        time.sleep(0.5)
        hub.kill()
        hub.start()
        cancelled = hub.slurm / f"cancelled-{number}"
        wait_for(cancelled.exists, "the job to be cancelled", 60)
