"""What Slurm says of its cluster, and the form that knows it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from bricsauthenticator import cluster, cluster_watch, form
from bricsauthenticator.cluster import Association, Cluster, Gpus, Partition, Reservation
from bricsauthenticator.cluster_watch import ClusterWatch
from bricsauthenticator.names import Project
from bricsauthenticator.options import Limits, OptionsError, Problem, problem_of_slurm, validate
from hypothesis import given
from hypothesis import strategies as st

PROJECTS = {
    f"{name}.brics": Project(f"{name}.brics", name, f"alice.{name}") for name in ("project1", "project2")
}
LIMITS = Limits(max_runtime=86_400, default_runtime="01:00:00", min_ngpus=0, max_ngpus=4, default_ngpus=1)

# As Slurm 24.11 says it, shortened.
ANSWER = """\
Welcome to the login node, PartitionName=none
PartitionName=workq AllowGroups=jupyterusers AllowAccounts=ALL Default=YES QoS=N/A DefaultTime=01:00:00 Hidden=NO \
MaxNodes=UNLIMITED MaxTime=1-00:00:00 Nodes=n[1-4] State=UP TotalNodes=4
PartitionName=gh.test AllowGroups=ALL Default=NO DefaultTime=NONE Hidden=NO MaxTime=30:00 Nodes=n4 State=UP
PartitionName=secret Default=NO Hidden=YES MaxTime=UNLIMITED State=UP
PartitionName=old Default=NO Hidden=NO MaxTime=UNLIMITED State=DOWN
PartitionName=<b> Default=NO Hidden=NO MaxTime=UNLIMITED State=UP
workq*      up    idle        1  gpu:gh200:4        gpu:gh200:0(IDX:N/A)
workq*      up    mixed       1  gpu:gh200:4(S:0)   gpu:gh200:3(IDX:0,2-3)
workq*      up    drained*    1  gpu:gh200:4        gpu:gh200:0(IDX:N/A)
workq*      up    reserved    1  gpu:a100:2,gpu:gh200:1,nvme:1  gpu:a100:0(IDX:N/A),gpu:gh200:0(IDX:N/A)
gh.test     up    idle        1  gpu:2              gpu:0
ReservationName=course.2026 StartTime=2026-11-27T18:35:43 Users=alice.project1,bob.project1 Accounts=(null) State=ACTIVE
ReservationName=maint StartTime=2026-11-27T18:35:43 Users=(null) Accounts=root State=INACTIVE
ReservationName=theirs StartTime=2026-11-27T18:35:43 Users=bob.project1 Accounts=(null) State=ACTIVE
ReservationName=open StartTime=2026-11-27T18:35:43 Users=-eve Accounts=(null) State=ACTIVE
alice.project1|acc1|normal,high
alice.project1|acc2|normal
|root|normal
"""
GH200, A100 = Gpus("gh200", most=4, total=13, free=5), Gpus("a100", most=2, total=2, free=0)
KNOWN = Cluster(
    (
        Partition(
            "workq",
            is_default=True,
            max_time=86_400,
            nodes=4,
            free_nodes=1,
            gpus=(GH200, A100),
            most_gpus=4,
        ),
        Partition("gh.test", max_time=1800, nodes=1, free_nodes=1, gpus=(Gpus("", 2, 2, 2),), most_gpus=2),
    ),
    (
        Reservation("course.2026", frozenset({"alice.project1", "bob.project1"})),
        Reservation("maint"),
        Reservation("theirs", frozenset({"bob.project1"})),
        Reservation("open"),
    ),
    {"alice.project1": (Association("acc1", ("normal", "high")), Association("acc2", ("normal",)))},
)
ONE = Cluster((replace(KNOWN.partitions[0], gpus=(GH200,)),))
WITHOUT_GPUS = Cluster((replace(ONE.partitions[0], gpus=(), most_gpus=0),))


def test_slurms_answer_is_understood() -> None:
    found = cluster.parse(ANSWER)
    assert found.partitions == KNOWN.partitions
    assert found.reservations == KNOWN.reservations
    assert found.associations == KNOWN.associations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("UNLIMITED", 0),
        ("NONE", 0),
        ("", 0),
        ("30", 1800),
        ("30:00", 1800),
        ("08:00:00", 28_800),
        ("1-00:00:00", 86_400),
        ("2-12", 216_000),
        ("1-00:30", 88_200),
    ],
)
def test_time_limits_in_slurms_words(text: str, expected: int) -> None:
    assert cluster.seconds(text) == expected


@given(st.text())
def test_any_answer_gives_a_cluster_and_a_form(text: str) -> None:
    form.render(PROJECTS, LIMITS, {}, cluster.parse(text), True)


def names(html: str) -> list[str]:
    return re.findall(r'<(?:input|select)[^>]* name="(\w+)"', html)


def offered(html: str, field: str) -> dict[str, str]:
    """Value → text of the options that a field has."""
    select = re.search(rf'<select[^>]* name="{field}".*?</select>', html, re.DOTALL)
    assert select, field
    return {
        value: unescape(text) for value, text in re.findall(r'value="([^"]*)"[^>]*>([^<]*)', select.group())
    }


def test_the_form_offers_what_slurm_has() -> None:
    html = form.render(PROJECTS, LIMITS, {}, KNOWN, True)
    assert offered(html, "partition") == {
        "workq": "workq (5 of 15 GPUs free, 1 of 4 nodes free)",
        "gh.test": "gh.test (2 of 2 GPUs free, 1 of 1 nodes free, at most 00:30:00)",
    }
    assert list(offered(html, "reservation")) == ["", "course.2026", "maint", "open"]
    assert list(offered(html, "gpu_type")) == ["", "gh200", "a100"]
    assert list(offered(html, "account")) == ["", "acc1", "acc2"]
    assert list(offered(html, "qos")) == ["", "normal", "high"]


def test_an_old_answer_does_not_say_what_is_free() -> None:
    html = form.render(PROJECTS, LIMITS, {}, KNOWN)
    assert list(offered(html, "partition").values()) == ["workq", "gh.test (at most 00:30:00)"]
    assert "free" not in html


def test_fields_with_one_possible_value_disappear() -> None:
    html = form.render(PROJECTS, LIMITS, {}, ONE, True)
    assert names(html) == ["brics_project", "runtime", "ngpus"]
    assert "5 of 13 GPUs free, 1 of 4 nodes free" in html
    assert names(form.render(PROJECTS, LIMITS, {}, WITHOUT_GPUS, True)) == ["brics_project", "runtime"]


def test_what_the_form_hides_is_still_accepted() -> None:
    asked = {"brics_project": "project1.brics", "partition": "secret", "reservation": "r.1", "qos": "q"}
    options = validate(asked, PROJECTS, LIMITS, ONE)
    assert (options.partition, options.reservation, options.qos) == ("secret", "r.1", "q")


def test_new_options_are_stored_only_if_they_are_chosen() -> None:
    asked = {"brics_project": "project1.brics", "gpu_type": "gh200", "account": "acc1", "qos": "high"}
    options = validate(asked, PROJECTS, LIMITS, KNOWN)
    assert asked.items() <= options.as_user_options().items()
    assert validate(options.as_user_options(), PROJECTS, LIMITS, KNOWN) == options
    plain = validate({"brics_project": "project1.brics"}, PROJECTS, LIMITS, KNOWN)
    assert not {"gpu_type", "account", "qos"} & set(plain.as_user_options())


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"partition": "gh.test", "runtime": "00:30:01"}, "runtime"),
        ({"partition": "gh.test", "ngpus": "3"}, "ngpus"),
        ({"partition": "workq", "gpu_type": "h100"}, "gpu_type"),
        ({"account": "acc3"}, "account"),
        ({"qos": "low"}, "qos"),
    ],
)
def test_what_slurm_does_not_have_is_refused(asked: dict[str, Any], field: str) -> None:
    asked = {"brics_project": "project1.brics", **asked}
    validate(asked, PROJECTS, LIMITS)  # where nothing is known, Slurm decides
    with pytest.raises(OptionsError) as caught:
        validate(asked, PROJECTS, LIMITS, KNOWN)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_defaults_are_possible_in_the_partition() -> None:
    asked = {"brics_project": "project1.brics", "partition": "gh.test"}
    assert validate(asked, PROJECTS, LIMITS, KNOWN).runtime == "00:30:00"
    assert validate({"brics_project": "project1.brics"}, PROJECTS, LIMITS, WITHOUT_GPUS).ngpus == 0


def test_a_problem_is_at_its_field_and_its_value_not_proposed_again() -> None:
    problem = Problem("runtime", "'<x>' is not a time of the form HH:MM:SS.")
    html = form.render(PROJECTS, LIMITS, {"runtime": "<x>", "ngpus": "3"}, KNOWN, True, [problem])
    runtime = re.search(r"<input[^>]*name=\"runtime\"[^>]*>", html)
    assert runtime
    assert 'aria-invalid="true"' in runtime.group()
    assert 'aria-describedby="runtime_problem runtime_help"' in runtime.group()
    assert "autofocus" in runtime.group()
    assert html.count("autofocus") == 1
    assert 'id="runtime_problem">Run time: &#39;&lt;x&gt;&#39; is not a time' in html
    assert 'value="01:00:00"' in html
    assert 'value="3"' in html


def test_names_of_slurms_are_escaped() -> None:
    evil = Cluster((Partition('"><script>', is_default=True), Partition("b")), (Reservation("<script>"),))
    assert "<script" not in form.render(PROJECTS, LIMITS, {}, evil, True)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("Invalid partition name specified", "partition"),
        ("invalid partition specified: nosuchpart\nInvalid partition name specified", "partition"),
        ("Requested reservation is invalid", "reservation"),
        ("Access denied to requested reservation", "reservation"),
        ("Invalid account or account/partition combination specified", "account"),
        ("Invalid qos specification", "qos"),
        ("Requested time limit is invalid (missing or exceeds some limit)", "runtime"),
        ("Requested node configuration is not available", "gpu_type"),
        ("Invalid generic resource (gres) specification", "gpu_type"),
        ("Your partition of the money is spent\nUnspecified error", None),
        ("Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "qos"),
    ],
)
def test_slurms_refusals_name_the_option(words: str, field: str | None) -> None:
    chosen = {
        "partition": "nosuchpart",
        "reservation": "r",
        "account": "a",
        "qos": "q",
        "runtime": "01:00:00",
        "ngpus": "1",
        "gpu_type": "x",
    }
    problem = problem_of_slurm(words, chosen)
    assert (problem.field if problem else None) == field
    assert problem_of_slurm(words, {}) is None


def test_what_no_node_has_is_about_the_number_of_gpus_unless_a_type_was_chosen() -> None:
    problem = problem_of_slurm("Requested node configuration is not available", {"ngpus": "1"})
    assert problem == Problem(
        "ngpus", "Slurm does not take '1': Requested node configuration is not available."
    )


def test_slurm_is_asked_once_for_all_forms_and_outside_of_them(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(ANSWER)
    command = f"echo x >>{tmp_path}/asked; cat {tmp_path}/answer"

    async def looks() -> list[Cluster]:
        watch = ClusterWatch()
        first = watch.look(command, 10)
        watch.look(command, 10)
        while not watch.look(command, 10).partitions:
            await asyncio.sleep(0.01)
        return [first, watch.look(command, 10), watch.look(command, 10, oldest=0)]

    first, later, too_old = asyncio.run(asyncio.wait_for(looks(), 10))
    assert (first, too_old) == (cluster.NOTHING_KNOWN, cluster.NOTHING_KNOWN)
    assert later.partitions == KNOWN.partitions
    assert (tmp_path / "asked").read_text() == "x\n"


def test_slurm_is_asked_again_when_somebody_looks_and_its_answer_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_watch, "OLD", 0.5)
    answer = tmp_path / "answer"
    answer.write_text(ANSWER)

    async def looks() -> None:
        watch = ClusterWatch()
        while not watch.look(f"cat {answer}", 10).reservations:
            await asyncio.sleep(0.01)
        answer.write_text(ANSWER.replace("course.2026", "course.2027"))
        while watch.look(f"cat {answer}", 10).reservations[0].name != "course.2027":
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(looks(), 10))


def test_a_failure_leaves_the_form_as_it_was(tmp_path: Path) -> None:
    async def look() -> Cluster:
        watch = ClusterWatch()
        watch.look(f"touch {tmp_path}/asked; exit 1", 10)
        while not (tmp_path / "asked").exists():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        return watch.look("", 10)

    assert asyncio.run(asyncio.wait_for(look(), 10)) == cluster.NOTHING_KNOWN
