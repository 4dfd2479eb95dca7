"""Options of servers, by the form, by links and by the API, in a real hub with a stand-in for Slurm."""

from __future__ import annotations

import re
from typing import Any

import pytest
from bricsauthenticator.options import LABELS
from real_hub import Browser, Hub, MakeHub
from spawning import FORM, message, start
from stand_in_issuer import Issuer, project_claim

EVE = """
c.BricsSlurmSpawner.req_account = "site"
c.BricsSlurmSpawner.batch_cluster_cmd = ""
def forget(authenticator, handler, auth_model):
    if auth_model["name"] == "eve":
        auth_model["auth_state"] = {"project1.brics": {"name": "x", "username": "eve.project1; id"}}
    return auth_model
c.BricsAuthenticator.post_auth_hook = forget
"""


@pytest.fixture(scope="module")
def hub(make_hub: MakeHub, issuer: Issuer) -> Hub:
    return make_hub(issuer, EVE)


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
    assert LABELS.get(field, field) in message(page)
    assert (f'id="{field}_problem"' in page.text) == (field in LABELS)
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


def test_rare_options_are_the_jobs_and_nobody_elses(hub: Hub, alice: Browser) -> None:
    start(alice, gpu_type="gh200", account="acc1", qos="high")
    assert "# gpu_type=gh200 account=acc1 qos=high\n" in hub.job()["script"]
    alice.stop()
    start(alice)
    assert "# gpu_type= account=site qos=\n" in hub.job()["script"]


def test_what_slurm_refuses_is_at_its_field_and_not_proposed_again(hub: Hub, alice: Browser) -> None:
    failed = "Batch job submission failed: Invalid partition name specified"
    with hub.slurm_is("refuse", f"sbatch: error: It is closed.\nsbatch: error: {failed}\n"):
        page = alice.post_form({**FORM, "runtime": "00:09:00"})
    assert page.status_code == 400
    assert "It is closed.\nInvalid partition name specified" in message(page)
    assert re.search(r'id="partition_problem">Partition: Slurm does not take .*grace', page.text)
    for form in (page.text, alice.form()):
        assert 'value="00:09:00"' in form
        assert 'value="grace"' not in form
    assert "partition_problem" not in alice.form()


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
