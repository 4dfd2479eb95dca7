"""What users are told when a server does not start, and servers that live through outages of Slurm."""

from __future__ import annotations

import threading
import time

from real_hub import Browser, Hub, MakeHub, wait_for
from spawning import FORM, message, start
from stand_in_issuer import Issuer, project_claim


def test_slurms_refusal_is_shown(hub: Hub, alice: Browser) -> None:
    text = "sbatch: error: Batch job submission failed: Invalid partition name specified\n"
    with hub.slurm_is("refuse", text):
        page = alice.post_form(FORM)
    assert page.status_code == 400
    assert "Slurm refused the job: Invalid partition name specified" in message(page)
    assert not alice.server()


def test_without_slurm_the_message_says_so(hub: Hub, alice: Browser) -> None:
    with hub.slurm_is("fail"):
        response = alice.post_api(FORM)
    assert response.status_code == 503
    assert "Slurm cannot be reached" in response.json()["message"]


def test_a_job_that_dies_at_once(hub: Hub, alice: Browser, issuer: Issuer) -> None:
    token = issuer.token()
    alice.http.headers["X-Auth-Id-Token"] = token  # a proxy sends it with every request
    with hub.slurm_is("die"):
        response = alice.post_api(FORM)
        assert response.status_code == 500
    number = hub.job()["number"]
    expected = (
        f"Job {number} ended before its server was ready: FAILED (NonZeroExitCode).\nIts log in the home"
    )
    assert expected in response.json()["message"]
    # Written after the answer is sent.
    redacted = '"X-Auth-Id-Token": "[secret]"'
    wait_for(lambda: redacted in hub.log.read_text(), "error 500 logs all headers", 20)
    assert token not in hub.log.read_text()


def test_a_server_outlives_an_outage(hub: Hub, alice: Browser) -> None:
    start(alice)
    before = len(hub.log.read_text())
    with hub.slurm_is("fail"):
        time.sleep(4)
        assert alice.server()["ready"]
    time.sleep(2)
    assert alice.server()["ready"]
    failures = [line for line in hub.log.read_text()[before:].splitlines() if "Slurm does not answer" in line]
    assert len([line for line in failures if line.startswith("[W")]) == 1, "one warning for one outage"
    assert "Slurm answers again" in hub.log.read_text()[before:]


def test_a_cancellation_is_tried_until_it_succeeds(hub: Hub, alice: Browser) -> None:
    start(alice)
    number = hub.job()["number"]
    with hub.slurm_is("fail"):
        stopping = threading.Thread(target=alice.stop)
        stopping.start()
        time.sleep(2)
        assert not (hub.slurm / f"cancelled-{number}").exists()
    stopping.join(30)
    wait_for((hub.slurm / f"cancelled-{number}").exists, "the job to be cancelled", 20)
    wait_for(lambda: not alice.server(), "the server to be gone", 20)


def test_a_controller_that_has_forgotten_its_jobs_ends_no_server_that_answers(
    make_hub: MakeHub, issuer: Issuer
) -> None:
    hub = make_hub(issuer)
    browsers = [
        hub.session(short_name=name, projects=project_claim("project1", user=name))
        for name in ("carol", "dave")
    ]
    for browser, name in zip(browsers, ("carol", "dave"), strict=True):
        browser.user = name
        start(browser)
    with hub.slurm_is("forget"):
        time.sleep(13)  # more than until the second look
        assert all(browser.server()["ready"] for browser in browsers)
        hub.end_jobs()
        wait_for(lambda: not any(browser.server() for browser in browsers), "the servers to be gone", 30)
    assert "has forgotten 2 jobs at once" in hub.log.read_text()


def test_a_restarted_hub_asks_once_for_all_its_servers(make_hub: MakeHub, issuer: Issuer) -> None:
    hub = make_hub(issuer, "c.BricsSlurmSpawner.poll_interval = 60")
    names = ("carol", "dave", "erin")
    for name in names:
        browser = hub.session(short_name=name, projects=project_claim("project1", user=name))
        browser.user = name
        start(browser)
    hub.kill()
    before = hub.questions()
    hub.start()
    wait_for(lambda: bool(browser.server().get("ready")), "the servers to be found", 30)
    time.sleep(2)
    assert hub.questions() == before + 1
    assert hub.queries() == 0
