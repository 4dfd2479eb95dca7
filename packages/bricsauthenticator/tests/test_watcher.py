"""One question for all jobs; what follows from an answer, from none, and from jobs that are missing in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from bricsauthenticator import breaker, slurm, watched, watcher
from bricsauthenticator.slurm import FORGOTTEN, NOTHING_KNOWN, Job, JobState
from bricsauthenticator.watcher import Watcher

RUNNING = Job(JobState.RUNNING, "n1")
SHOWN = "{id}@RUNNING@n1\n"


class Slurm:
    """A command for all jobs, whose answer is a file, and answers about single ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: dict[str, Job] = {}
        self.single: list[str] = []
        self.say("")

    def say(self, answer: str, status: int = 0) -> None:
        """What the command prints, and its exit status."""
        (self.folder / "answer").write_text(f"cat <<END\n{answer}\nEND\nexit {status}\n")

    def show(self, *job_ids: str) -> None:
        """Let the command show these as running."""
        self.say("".join(SHOWN.format(id=job_id) for job_id in job_ids))

    @property
    def command(self) -> str:
        return f"echo {{job_ids}} >>{self.folder}/asked; sh {self.folder}/answer"

    @property
    def asked(self) -> list[str]:
        """The job IDs of each question for all."""
        path = self.folder / "asked"
        return path.read_text().split() if path.exists() else []


class Owner:
    """A server that looks at its job ten times a second."""

    stale_after = 0.5

    def __init__(self, slurm: Slurm, interval: float = 0.1) -> None:
        self.slurm = slurm
        self.interval = interval
        self.is_up = False
        self.changes: list[Job] = []

    async def ask(self, job_id: str) -> Job:
        self.slurm.single.append(job_id)
        if job_id not in self.slurm.jobs:
            raise RuntimeError("no answer")
        return self.slurm.jobs[job_id]

    async def server_answers(self) -> bool:
        return self.is_up

    def look_interval(self, age: float) -> float:
        return self.interval

    def job_changed(self, job: Job) -> None:
        self.changes.append(job)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what takes seconds in tenths of them."""
    for module, name, value in (
        (watcher, "SPACING", 0.02),
        (watcher, "SECOND_LOOK", 0.3),
        (watched, "SECOND_LOOK", 0.3),
        (breaker, "FIRST_PAUSE", 0.05),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def queue(tmp_path: Path) -> Slurm:
    return Slurm(tmp_path)


def run(queue: Slurm, scenario: Callable[[Watcher], Awaitable[None]], command: str | None = None) -> None:
    """Run a scenario with a watcher, bounded."""

    async def bounded() -> None:
        watcher = Watcher(queue.command if command is None else command, 5, longest_pause=0.2)
        async with asyncio.timeout(20):
            await scenario(watcher)
        for job_id in list(watcher._watched):
            watcher.forget(job_id)

    asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_a_hundred_polls_cost_one_question(queue: Slurm) -> None:
    job_ids = [str(number) for number in range(1, 101)]
    queue.show(*job_ids)

    async def scenario(watcher: Watcher) -> None:
        owner = Owner(queue, interval=60)
        for _ in range(2):
            jobs = await asyncio.gather(*(watcher.look(job_id, owner) for job_id in job_ids))
            assert jobs == [RUNNING] * 100

    run(queue, scenario)
    assert len(queue.asked) == 1
    assert queue.single == []


def test_a_job_that_comes_later_is_asked_for_soon_and_is_not_missing_before(queue: Slurm) -> None:
    queue.show("1", "2")

    async def scenario(watcher: Watcher) -> None:
        owner = Owner(queue, interval=60)
        await watcher.look("1", owner)
        began = time.monotonic()
        assert await watcher.look("2", owner) == RUNNING
        assert time.monotonic() - began < 2

    run(queue, scenario)
    assert queue.asked == ["1", "1,2"]
    assert queue.single == []


@pytest.mark.parametrize(("answer", "expected"), [(FORGOTTEN, JobState.GONE), (RUNNING, JobState.RUNNING)])
def test_one_missing_job_is_asked_for_by_itself(queue: Slurm, answer: Job, expected: JobState) -> None:
    queue.show("1", "2")
    queue.jobs = {"3": answer}

    async def scenario(watcher: Watcher) -> None:
        owner = Owner(queue, interval=60)
        jobs = await asyncio.gather(*(watcher.look(job_id, owner) for job_id in "123"))
        assert [job.state for job in jobs] == [JobState.RUNNING, JobState.RUNNING, expected]

    run(queue, scenario)
    assert queue.single == ["3"]


def test_the_only_job_is_missing(queue: Slurm) -> None:
    queue.say("", 1)
    (queue.folder / "answer").write_text("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    queue.jobs = {"1": FORGOTTEN}

    async def scenario(watcher: Watcher) -> None:
        assert (await watcher.look("1", Owner(queue))).state is JobState.GONE
        assert not watcher.breaker.failures

    run(queue, scenario)


@pytest.mark.parametrize("is_up", [True, False])
def test_many_that_are_missing_at_once_need_a_second_look_and_silent_servers(
    queue: Slurm, is_up: bool
) -> None:
    queue.show("1", "2", "3")
    queue.jobs = dict.fromkeys("123", FORGOTTEN)

    async def scenario(watcher: Watcher) -> None:
        owner = Owner(queue)
        owner.is_up = is_up
        await asyncio.gather(*(watcher.look(job_id, owner) for job_id in "123"))
        queue.say("")
        began = time.monotonic()
        await until(lambda: bool(queue.single))
        await asyncio.sleep(0.1)
        assert len(queue.single) == 1, "one question is enough for a suspicion"
        if is_up:
            await asyncio.sleep(0.7)
            assert owner.changes == [RUNNING] * 3
            assert (await watcher.look("1", owner)) == NOTHING_KNOWN
            queue.show("1", "2", "3")
            await until(lambda: watcher._watched["1"].suspected > time.monotonic())
            assert (await watcher.look("1", owner)) == RUNNING
        else:
            await until(lambda: owner.changes.count(FORGOTTEN) == 3)
            assert time.monotonic() - began > watched.SECOND_LOOK

    run(queue, scenario)


def test_forgotten_jobs_whose_servers_answer_cost_no_more_than_others(queue: Slurm) -> None:
    queue.show("1", "2")
    queue.jobs = dict.fromkeys("12", FORGOTTEN)

    async def scenario(watcher: Watcher) -> None:
        owner = Owner(queue, interval=5)
        owner.is_up = True
        await asyncio.gather(*(watcher.look(job_id, owner) for job_id in "12"))
        queue.say("")
        watcher.hurry("1")
        await asyncio.sleep(2)
        assert len(queue.asked) == 3, "the first time, when they were missing, and for a second look"

    run(queue, scenario)


def test_servers_of_forgotten_jobs_are_tried_together(queue: Slurm) -> None:
    job_ids = [str(number) for number in range(1, 21)]
    queue.jobs = dict.fromkeys(job_ids, FORGOTTEN)

    class FarAway(Owner):
        async def server_answers(self) -> bool:
            await asyncio.sleep(0.5)
            return False

    async def scenario(watcher: Watcher) -> None:
        owner = FarAway(queue)
        began = time.monotonic()
        await asyncio.gather(*(watcher.look(job_id, owner) for job_id in job_ids))
        await until(lambda: owner.changes.count(FORGOTTEN) == len(job_ids))
        assert time.monotonic() - began < 5

    run(queue, scenario)


def test_where_jobs_of_others_are_hidden_each_is_asked_for(
    queue: Slurm, caplog: pytest.LogCaptureFixture
) -> None:
    queue.jobs = dict.fromkeys("12", RUNNING)

    async def scenario(watcher: Watcher) -> None:
        owner = Owner(queue)
        assert await asyncio.gather(*(watcher.look(job_id, owner) for job_id in "12")) == [RUNNING] * 2
        await until(lambda: len(queue.single) > 6)

    run(queue, scenario)
    assert len(queue.asked) == 1
    assert caplog.text.count("asked for one by one") == 1


@pytest.mark.parametrize("command", [None, ""])
def test_where_the_question_for_all_cannot_be_put_each_is_asked_for(
    queue: Slurm, caplog: pytest.LogCaptureFixture, command: str | None
) -> None:
    queue.say("This account is for wrappers only", 1)
    queue.jobs = {"1": RUNNING, "2": Job(JobState.PENDING)}

    async def scenario(watcher: Watcher) -> None:
        owner = Owner(queue)
        jobs = await asyncio.gather(*(watcher.look(job_id, owner) for job_id in "12"))
        assert jobs == [RUNNING, Job(JobState.PENDING)]
        await until(lambda: len(queue.single) > 8)
        assert await watcher.look("1", owner) == RUNNING

    run(queue, scenario, command)
    assert len(queue.asked) == (2 if command is None else 0)
    assert caplog.text.count("asked for one by one") == 1


def test_an_outage_is_no_end_and_is_asked_about_ever_more_rarely(
    queue: Slurm, caplog: pytest.LogCaptureFixture
) -> None:
    queue.show("1")

    async def scenario(watcher: Watcher) -> None:
        owner = Owner(queue)
        owner.stale_after = 3.0
        assert await watcher.look("1", owner) == RUNNING
        queue.say("", 255)
        await until(lambda: watcher.breaker.failures > 0)
        assert await watcher.look("1", owner) == RUNNING, "the last answer counts for a while"
        before = len(queue.asked)
        await asyncio.sleep(1.0)
        assert len(queue.asked) - before <= 6, "every 0.2 s at most"
        await asyncio.sleep(owner.stale_after)
        assert await watcher.look("1", owner) == NOTHING_KNOWN
        assert await watcher.look("2", owner) == NOTHING_KNOWN, (
            "nobody waits for an answer that will not come"
        )
        queue.show("1", "2")
        watcher.slurm_answers()
        await until(lambda: len(owner.changes) == 2)
        assert owner.changes == [RUNNING, RUNNING]
        assert await watcher.look("1", owner) == RUNNING

    run(queue, scenario)
    assert caplog.text.count("Slurm does not answer") == 1


def test_a_watcher_that_has_died_is_started_by_the_next_poll(
    queue: Slurm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    queue.show("1")

    async def scenario(watcher: Watcher) -> None:
        owner = Owner(queue)
        await watcher.look("1", owner)
        monkeypatch.setattr(owner, "look_interval", lambda age: 1 / 0)
        await until(lambda: bool(watcher._task and watcher._task.done()))
        monkeypatch.undo()
        queue.say("1@COMPLETED@n1\n")
        await watcher.look("1", owner)
        await until(lambda: Job(JobState.GONE) in owner.changes)

    run(queue, scenario)
    assert "it begins anew" in caplog.text


def test_who_wants_a_new_answer_waits_for_it(queue: Slurm) -> None:
    queue.show("1")

    async def scenario(watcher: Watcher) -> None:
        owner = Owner(queue, interval=60)
        assert await watcher.look("1", owner) == RUNNING
        queue.say("1@COMPLETED@n1\n")
        now = time.monotonic()
        watcher.hurry("1")
        assert (await watcher.look("1", owner, since=now)).state is JobState.GONE
        assert (await watcher.look("1", owner, since=time.monotonic())).state is JobState.GONE, "it stays so"

    run(queue, scenario)
    assert len(queue.asked) == 2


def test_without_jobs_nothing_is_asked(queue: Slurm) -> None:
    queue.show("1")

    async def scenario(watcher: Watcher) -> None:
        await watcher.look("1", Owner(queue))
        watcher.forget("1")
        before = len(queue.asked)
        await asyncio.sleep(0.5)
        assert len(queue.asked) == before

    run(queue, scenario)


def test_errors_that_are_slurms_own() -> None:
    assert slurm.is_answer("scancel: error: Kill job error on job id 1: Invalid job id specified")
    assert not slurm.is_answer("ssh: connect to host slurm port 22: Connection refused")
