"""Servers as jobs, in a real hub with a stand-in for Slurm: options, life cycle, failures, restarts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import requests
from real_hub import Browser, Hub, MakeHub, wait_for
from stand_in_issuer import Issuer, project_claim

FORM = {
    "brics_project": "project1.brics",
    "runtime": "00:10:00",
    "ngpus": "2",
    "partition": "grace",
    "reservation": "",
}
EVE = """
def forget(authenticator, handler, auth_model):
    if auth_model["name"] == "eve":
        auth_model["auth_state"] = {"project1.brics": {"name": "x", "username": "eve.project1; id"}}
    return auth_model
c.BricsAuthenticator.post_auth_hook = forget
c.BricsSlurmSpawner.http_timeout = 5
"""


@pytest.fixture(scope="module")
def hub(make_hub: MakeHub, issuer: Issuer) -> Hub:
    return make_hub(issuer, EVE)


@pytest.fixture
def alice(hub: Hub) -> Iterator[Browser]:
    """A browser of alice, with two projects; her server is stopped afterwards."""
    browser = hub.session(projects=project_claim("project1", "project2"))
    yield browser
    if browser.server():
        browser.wait_ready()
        assert browser.stop().status_code == 204


def submit(browser: Browser) -> dict[str, Any]:
    """Submit the form and wait for the job, which is not yet a server."""
    before = browser.hub.jobs()
    assert browser.post_form(FORM).status_code == 302
    wait_for(lambda: browser.hub.jobs() > before, "the job to be submitted", 20)
    return browser.hub.job()


def start(browser: Browser, **changes: str) -> None:
    response = browser.post_form({**FORM, **changes})
    assert response.status_code == 302, response.text
    browser.wait_ready()


def message(page: requests.Response) -> str:
    """The error message on a page with the form."""
    return unescape(page.text.partition("spawn-error-msg")[2].partition(">")[2].partition("</p>")[0])


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


BAD_FORMS: list[tuple[str, Any]] = [
    ("brics_project", {"brics_project": "project3.brics"}),
    ("brics_project", {"brics_project": ["project1.brics", "project2.brics"]}),
    ("runtime", {"runtime": "25:00:00"}),
    ("runtime", {"runtime": "00:00:00"}),
    ("runtime", {"runtime": "x"}),
    ("ngpus", {"ngpus": "5"}),
    ("ngpus", {"ngpus": "-1"}),
    ("partition", {"partition": "a b"}),
    ("partition", {"partition": "$(touch /tmp/x)"}),
    ("partition", {"partition": "a\n#SBATCH --uid=0"}),
    ("reservation", {"reservation": "<b>"}),
    ("cmd", {"cmd": "id"}),
    ("username", {"username": "bob.project1"}),
    ("file", {"file": "x"}),
]


@pytest.mark.parametrize(("field", "changes"), BAD_FORMS)
def test_bad_forms_get_the_form_with_the_reason(hub: Hub, alice: Browser, field: str, changes: Any) -> None:
    before = hub.jobs()
    page = alice.post_form({**FORM, **changes})
    assert page.status_code == 400
    assert field in message(page)
    assert "Traceback" not in page.text
    assert 'value="grace"' in page.text or field == "partition", "what was right is shown again"
    assert "<b>" not in page.text.partition('id="spawn_form"')[2]
    assert not alice.server()
    assert hub.jobs() == before


def test_uploads_are_refused(alice: Browser) -> None:
    page = alice.http.post(
        f"{alice.hub.url}/spawn", params={"_xsrf": alice.xsrf}, data=FORM, files={"x": b"y"}, timeout=10
    )
    assert page.status_code == 400
    assert "'x_file'" in message(page)


BAD_OPTIONS: list[Any] = [
    {},
    {"brics_project": "project3.brics"},
    {"brics_project": "project1.brics", "runtime": 7},
    {"brics_project": "project1.brics", "runtime": ["00:10:00"]},
    {"brics_project": "project1.brics", "ngpus": 5},
    {"brics_project": "project1.brics", "ngpus": {"a": 1}},
    {"brics_project": "project1.brics", "partition": "a;b"},
    {"brics_project": "project1.brics", "reservation": "x" * 65},
    {"brics_project": "project1.brics", "cmd": "id"},
    {"brics_project": "project1.brics", "username": "bob.project1"},
    {"brics_project": ["project1.brics"]},
    {"brics_project": {"x": 1}},
    {**FORM, "prologue": "touch /tmp/x"},
    {k: [v] for k, v in FORM.items()},
]


@pytest.mark.parametrize("options", BAD_OPTIONS, ids=ascii)
def test_bad_options_from_the_api_are_refused(hub: Hub, alice: Browser, options: Any) -> None:
    before = hub.jobs()
    for body in ({"user_options": options}, options) if options else ({"user_options": options},):
        response = alice.post_api(body)
        assert response.status_code == 400, response.text
        answer = response.json()
        assert answer["status"] == 400
        assert "HTTP 400" not in answer["message"]
        assert len(answer["message"]) > 20
    assert not alice.server()
    assert hub.jobs() == before


def test_the_api_starts_servers_too(hub: Hub, alice: Browser) -> None:
    response = alice.post_api({"brics_project": "project2.brics", "ngpus": 0})
    assert response.status_code in (201, 202), response.text
    alice.wait_ready()
    assert hub.job()["account"] == "alice.project2"
    assert "# runtime=01:00:00 ngpus=0 partition= reservation=\n" in hub.job()["script"]


def test_options_of_last_time_are_checked_against_the_projects_of_today(
    hub: Hub, alice: Browser, issuer: Issuer
) -> None:
    start(alice, brics_project="project2.brics")
    alice.stop()
    response = alice.post_api(None)
    assert response.status_code in (201, 202), "without options: those of last time"
    alice.wait_ready()
    assert hub.job()["account"] == "alice.project2"
    alice.stop()
    hub.sign_in(issuer.token(projects=project_claim("project1")), alice.http)
    response = alice.post_api(None)
    assert response.status_code == 400
    assert "'project2.brics' is not one of your projects" in response.json()["message"]


def test_links_with_options_are_checked_too(hub: Hub, alice: Browser) -> None:
    bad = alice.http.get(f"{hub.url}/spawn", params={"opt-brics_project": "project3.brics"}, timeout=10)
    assert bad.status_code == 400
    assert "is not one of your projects" in message(bad)
    good = {"opt-brics_project": "project1.brics", "opt-runtime": "00:05:00"}
    response = alice.http.get(f"{hub.url}/spawn", params=good, timeout=10, allow_redirects=False)
    assert response.status_code == 302
    alice.wait_ready()
    assert "runtime=00:05:00" in hub.job()["script"]


def test_the_form_shows_the_options_of_last_time(alice: Browser) -> None:
    start(alice, runtime="00:07:00", brics_project="project2.brics")
    alice.stop()
    form = alice.form()
    assert 'value="00:07:00"' in form
    assert '<option value="project2.brics" selected>' in form


def test_an_unusable_auth_state_gives_no_project(hub: Hub) -> None:
    eve = hub.session(short_name="eve")
    eve.user = "eve"
    assert "no project on this platform" in eve.form()
    response = eve.post_api({"brics_project": "project1.brics"})
    assert response.status_code == 400
    assert "no project" in response.json()["message"]


def test_slurms_refusal_is_shown(hub: Hub, alice: Browser) -> None:
    text = "sbatch: error: Batch job submission failed: Invalid partition name specified\n"
    with hub.slurm_is("refuse", text):
        page = alice.post_form(FORM)
    assert page.status_code == 400
    assert "Slurm refused the job: Batch job submission failed: Invalid partition name" in message(page)
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
    expected = f"Job {number} ended before its server was ready. Its log in /home/project1/alice.project1"
    assert expected in response.json()["message"]
    log = hub.log.read_text()
    assert '"X-Auth-Id-Token": "[secret]"' in log, "error 500 logs all headers"
    assert token not in log


def test_a_server_outlives_an_outage(hub: Hub, alice: Browser) -> None:
    start(alice)
    number = hub.job()["number"]
    with hub.slurm_is("fail"):
        time.sleep(4)
        assert alice.server()["ready"]
    time.sleep(2)
    assert alice.server()["ready"]
    failures = [
        line for line in hub.log.read_text().splitlines() if f"Querying job {number} of alice failed" in line
    ]
    assert len(failures) >= 2
    assert len([line for line in failures if line.startswith("[W")]) == 1, "one warning for one outage"


def test_a_cancellation_is_tried_until_it_succeeds(hub: Hub, alice: Browser) -> None:
    start(alice)
    number = hub.job()["number"]
    with hub.slurm_is("fail"):
        stopping = threading.Thread(target=alice.stop)
        stopping.start()
        time.sleep(2)
        assert not (hub.slurm / f"cancelled-{number}").exists()
    stopping.join(30)
    wait_for(lambda: (hub.slurm / f"cancelled-{number}").exists(), "the job to be cancelled", 20)
    wait_for(lambda: not alice.server(), "the server to be gone", 20)


def test_a_waiting_job_shows_progress_and_is_queried_ever_more_rarely(hub: Hub, alice: Browser) -> None:
    with hub.slurm_is("hold"):
        before = hub.queries()
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
                if "waits in the queue" in events[-1]["message"]:
                    break
        response.close()
        assert events[-1]["message"] == f"Slurm job {number} waits in the queue"
        assert [e["progress"] for e in events] == sorted(e["progress"] for e in events)
        time.sleep(5)
        assert hub.queries() - before <= 14
        alice.stop()
    assert (hub.slurm / f"cancelled-{number}").exists()


@pytest.mark.parametrize(
    "body",
    [
        {"req_username": "bob.project1"},
        {"port": 8888, "exec_prefix": "touch /tmp/x;"},
        {"exec_prefix": "touch /tmp/x;"},
        {"batch_query_cmd": "touch /tmp/x"},
        {"job_id": "1; touch /tmp/x"},
        {"port": "8888"},
        {"port": True},
        {"port": 0},
        {"port": 65536},
        {},
        [],
        None,
        "x",
    ],
    ids=ascii,
)
def test_a_server_can_report_nothing_but_a_port(hub: Hub, alice: Browser, body: Any) -> None:
    with hub.slurm_is("hold"):
        token = submit(alice)["environment"]["JUPYTERHUB_API_TOKEN"]
        assert alice.call_hub(token, body) == 400
        alice.stop()


def test_only_a_starting_server_can_report_its_port(hub: Hub, alice: Browser) -> None:
    start(alice)
    token = hub.job()["environment"]["JUPYTERHUB_API_TOKEN"]
    assert alice.call_hub(token, {"port": 8888}) == 403
    made = alice.http.post(f"{hub.url}/api/users/alice/tokens", **alice._api(), json={}).json()["token"]
    assert alice.call_hub(made, {"port": 8888}) == 403
    assert alice.call_hub("nonsense", {"port": 8888}) == 403


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
