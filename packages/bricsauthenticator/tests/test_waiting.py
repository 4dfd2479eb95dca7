"""What a starting server's page says: why, where and for how long its job waits, and how far it is when it runs."""

from __future__ import annotations

import asyncio

import pytest
from bricsauthenticator.progress import Start, event
from bricsauthenticator.queue_watch import QueueWatch
from bricsauthenticator.slurm import JobState
from bricsauthenticator.waiting import Waiting, in_words, parse_queue
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_700_000_000.0
QUEUE = f"""Welcome to the cluster!
7@gpu@Resources@{NOW + 90:.0f}
8@gpu@JobHeldUser@N/A
9_[1-50%2]@gpu@Priority@N/A
10@cpu@None@N/A
11@gpu@ReqNodeNotAvail, UnavailableNodes:n[1-2]@{NOW - 5:.0f}
"""


def test_the_places_of_jobs_are_among_those_of_their_partition_that_compete() -> None:
    queue = parse_queue(QUEUE)
    assert queue["7"] == Waiting("Resources", 1, 3, NOW + 90)
    assert queue["8"] == Waiting("JobHeldUser", 0, 3, 0)
    assert queue["9"] == Waiting("Priority", 2, 3, 0)
    assert queue["10"] == Waiting("", 1, 1, 0)
    assert queue["11"].place == 3
    assert len(queue) == 5


@given(st.text())
def test_anything_is_a_queue(text: str) -> None:
    assert len(parse_queue(f"7@gpu@Resources@{text}")) <= 1
    assert isinstance(parse_queue(text), dict)
    assert isinstance(in_words(text), str)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("", ""),
        ("Resources", "the resources that it needs are in use (Resources)"),
        ("AssocGrpGRES", "the project has reached its limit on resources in use (AssocGrpGRES)"),
        (
            "QOSMaxJobsPerUserLimit",
            "its quality of service allows no more at a time (QOSMaxJobsPerUserLimit)",
        ),
        ("QOSNotAllowed", "its quality of service may not use the partition (QOSNotAllowed)"),
        (
            "ReqNodeNotAvail, UnavailableNodes:n1",
            "the nodes that it needs are not available at the moment (ReqNodeNotAvail, UnavailableNodes:n1)",
        ),
        ("SomethingNew", "Slurm says SomethingNew"),
    ],
)
def test_reasons_in_plain_words(reason: str, words: str) -> None:
    assert in_words(reason) == words


def test_the_stages_of_a_start() -> None:
    waiting = Waiting("Resources", 3, 12, NOW + 700)
    starts = [
        Start(),
        Start("12"),
        Start("12", JobState.PENDING, waited=59),
        Start("12", JobState.RUNNING, "n1"),
        Start("12", JobState.RUNNING, "n1", launched=True),
        Start("12", JobState.RUNNING, "n1", launched=True, imported=True),
        Start("12", JobState.RUNNING, "n1", launched=True, imported=True, listens=True),
    ]
    events = [event(start, None, NOW) for start in starts]
    assert [one["message"] for one in events] == [
        "Submitting a Slurm job",
        "Slurm job 12 is submitted",
        "Slurm job 12 waits in the queue",
        "Slurm job 12 runs on n1: its environment is being set up",
        "Slurm job 12 runs on n1: its environment is active, the server is starting",
        "Slurm job 12 runs on n1: the server is loaded, and about to listen",
        "Slurm job 12: the server listens on n1",
    ]
    early = event(Start("12", launched=True), None, NOW)["message"]
    assert early == "Slurm job 12 runs: its environment is active, the server is starting"
    assert [one["progress"] for one in events] == sorted(one["progress"] for one in events)
    assert event(Start("12", JobState.PENDING, waited=150), waiting, NOW)["message"] == (
        "Slurm job 12 waits in the queue for 2 min: the resources that it needs are in use (Resources). "
        "Place 3 of 12 that wait for its partition. Slurm expects it to start in about 12 min"
    )


def test_one_question_serves_all_who_look() -> None:
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        if asked > 1:
            raise RuntimeError("no answer")
        return QUEUE

    async def look() -> None:
        watch = QueueWatch()
        assert not [watch.look(ask, 60) for _ in range(9)][-1]
        await asyncio.sleep(0.01)
        assert watch.look(ask, 60).keys() == {"7", "8", "9", "10", "11"}
        assert asked == 1
        watch.look(ask, 0)
        await asyncio.sleep(0.01)
        assert not watch.look(ask, 60), "better no word than an old one"
        assert asked == 2

    asyncio.run(look())
