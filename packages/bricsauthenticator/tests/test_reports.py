"""What launchers may report, and what the hub answers."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest
import requests
from bricsauthenticator.report_api import MAX_TEXT, parse
from hypothesis import given
from hypothesis import strategies as st
from real_hub import Browser, Hub
from spawning import start, submit

REPORT = {"mark": "ab", "job": "1", "stage": "listening", "port": 8888}
NO_REPORTS: list[Any] = [
    {"port": 8888},
    {"req_username": "bob.project1"},
    {**REPORT, "exec_prefix": "touch /tmp/x;"},
    {**REPORT, "job_id": "1; touch /tmp/x"},
    {**REPORT, "job": "1; touch /tmp/x"},
    {**REPORT, "job": 1},
    {**REPORT, "mark": "AB"},
    {**REPORT, "mark": "a" * 65},
    {**REPORT, "stage": "nonsense"},
    {**REPORT, "stage": ["listening"]},
    {**REPORT, "stage": "started"},
    {**REPORT, "log": "x"},
    {**REPORT, "port": "8888"},
    {**REPORT, "port": True},
    {**REPORT, "port": 0},
    {**REPORT, "port": 65536},
    {"mark": "ab", "job": "1", "stage": "listening"},
    {"mark": "ab", "job": "1", "stage": "ended", "status": "1"},
    {"mark": "ab", "job": "1", "stage": "ended", "log": ["x"]},
    {},
    [],
    None,
    "x",
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*REPORT, "x"]), inner, max_size=5)
    ),
)


@pytest.mark.parametrize("body", NO_REPORTS, ids=ascii)
def test_what_is_no_report(body: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(body)


@given(ANYTHING)
def test_anything_is_a_report_or_none(body: Any) -> None:
    with contextlib.suppress(ValueError):
        parse(body)


def test_logs_are_cut_at_their_beginning() -> None:
    report = parse({"mark": "ab", "job": "", "stage": "ended", "status": -9, "log": "a" * MAX_TEXT + "end"})
    assert len(report.log) == MAX_TEXT
    assert report.log.endswith("end")


def mark_of(job: dict[str, Any]) -> str:
    """The mark in the comment of a job."""
    (mark,) = re.finditer("^#SBATCH --comment=jupyterhub:([0-9a-f]{24})$", job["script"], re.MULTILINE)
    return mark[1]


def answer(hub: Hub, token: str, **changes: Any) -> tuple[int, bool]:
    """The status of the answer to a report, and whether it is a refusal."""
    response = requests.post(
        f"{hub.url}/api/batchspawner",
        headers={"Authorization": f"token {token}"},
        json={"stage": "started", **changes},
        timeout=10,
    )
    return response.status_code, response.json().get("refused", False)


def test_a_report_is_taken_from_its_own_job_alone(hub: Hub, alice: Browser) -> None:
    with hub.slurm_is("hold"):
        job = submit(alice)
        token, mark, number = job["environment"]["JUPYTERHUB_API_TOKEN"], mark_of(job), str(job["number"])
        made = alice.http.post(f"{hub.url}/api/users/alice/tokens", **alice._api(), json={}).json()["token"]
        assert alice.call_hub(token, {"port": 8888}) == 400, "not refused: the job goes on"
        for refused in (
            answer(hub, token, mark="ab", job=number),
            answer(hub, token, mark=mark, job="999"),
            answer(hub, made, mark=mark, job=number),
            answer(hub, "nonsense", mark=mark, job=number),
        ):
            assert refused == (403, True)
        assert answer(hub, token, mark=mark, job=number) == (200, False)
        alice.stop()
    assert answer(hub, token, mark=mark, job=number) == (403, True)


def test_a_running_server_can_report_again_but_changes_nothing(hub: Hub, alice: Browser) -> None:
    start(alice)
    job = hub.job()
    token, mark, number = job["environment"]["JUPYTERHUB_API_TOKEN"], mark_of(job), str(job["number"])
    assert answer(hub, token, mark=mark, job=number, stage="listening", port=9) == (200, False)
    hub.kill()
    hub.start()
    assert answer(hub, token, mark=mark, job=number) == (200, False), "a restarted hub knows its jobs"
    alice.wait_ready()
    assert alice.server()["ready"]
