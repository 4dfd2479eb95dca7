"""``Watcher``: asks Slurm for all of the hub's jobs at once; polls look at its last answer.

Imports: breaker, commands, questions, slurm, watched.

- An answer is kept until it is too old: then nothing is known of the job, which is not the same as gone.
- A job that is missing from an answer is asked for by itself, as its own account: only that can tell that it is gone.
- If many are missing at once, Slurm may have lost what it knew: they must be missing a second time, and their servers
  must not answer either.
- Where the question for all cannot be put, or shows no jobs of others, each job is asked for by itself.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from contextlib import suppress

from bricsauthenticator import slurm
from bricsauthenticator.breaker import Breaker
from bricsauthenticator.commands import CommandError
from bricsauthenticator.questions import Questions
from bricsauthenticator.watched import SECOND_LOOK, Owner, Watched, are_many, is_second_look

GATHER = 0.05
"""Seconds that a new job waits for others, to be asked for with them: a hub that starts finds many at once."""
SPACING = 0.2
"""Fewest seconds between an answer and the next question."""
TRY_ALL_AGAIN = 600.0
"""Seconds until the question for all is tried again where it could not be put."""
ROUND_LIMIT = 600.0
"""Seconds after which a round that does not end is ended: a bug, as every command has a time limit of its own."""

LOOK_LIMIT = 120.0
"""Seconds after which whoever waits for a first answer sees to it that somebody looks, which a bug may have ended."""

THERE = frozenset({slurm.JobState.PENDING, slurm.JobState.RUNNING})

log = logging.getLogger("JupyterHub")


class Watcher:
    """Looks at jobs for as long as there are any."""

    def __init__(self, command: str, time_limit: float, longest_pause: float) -> None:
        """
        :param command: prints the jobs ``{job_ids}`` (separated by commas) in the form of :data:`slurm.ALL_FORMAT`;
            empty: there is none.
        :param time_limit: seconds that it may take.
        :param longest_pause: most seconds between two questions while Slurm does not answer.
        """
        self.breaker = Breaker(longest_pause)
        self._watched: dict[str, Watched] = {}
        self._task: asyncio.Task[None] | None = None
        self._sooner, self._answered = asyncio.Event(), asyncio.Event()
        self._questions = Questions(command, time_limit)
        self._all_from = 0.0 if command else math.inf
        """From when on the question for all may be put."""
        self._all_failed = 0
        """How often in a row it failed although Slurm answered a question for one job."""
        self._said: set[str] = set()
        self._last = -math.inf
        """When the last round ended."""

    # -- what spawners call

    def watch(self, job_id: str, owner: Owner) -> Watched:
        """Look at a job from now on."""
        watched = self._watched.get(job_id)
        if watched is None or watched.owner is not owner:
            now = time.monotonic()
            watched = self._watched[job_id] = Watched(job_id, owner, due=now + GATHER, changed=now)
            self._sooner.set()
        if not watched.is_gone:
            self._run_on()
        return watched

    def forget(self, job_id: str) -> None:
        """Look at a job no longer."""
        if self._watched.pop(job_id, None):
            self._wake_waiting()

    def hurry(self, job_id: str) -> None:
        """Look at a job as soon as possible, since something has happened to it."""
        if watched := self._watched.get(job_id):
            watched.due = watched.changed = time.monotonic()
            self._sooner.set()

    def slurm_answers(self) -> None:
        """Something that a user asked for has reached Slurm: whatever was waiting for that is looked at."""
        if self._note_answer():
            for watched in self._watched.values():
                self.hurry(watched.job_id)

    def slurm_fails(self, error: Exception | None, asked: float) -> None:
        """A question, put at that time of the monotonic clock, has had no answer."""
        if self.breaker.failed(asked):
            log.warning("Slurm does not answer: %s", error or "no question is answered")
        else:
            log.debug("Slurm still does not answer: %s", error)

    async def look(self, job_id: str, owner: Owner, since: float = -math.inf) -> slurm.Job:
        """What is known of a job. Unless Slurm was asked ``since``, wait for its answer, or until there is none."""
        watched = self.watch(job_id, owner)
        while watched.asked <= since and not watched.is_gone and self._watched.get(job_id) is watched:
            if self.breaker.failures:
                return slurm.NOTHING_KNOWN
            with suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), LOOK_LIMIT)
            self.watch(job_id, owner)
        is_fresh = time.monotonic() - watched.known <= owner.stale_after
        return watched.job if watched.is_gone or is_fresh else slurm.NOTHING_KNOWN

    # -- rounds

    def _run_on(self) -> None:
        """Start the task unless it runs."""
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())
            self._task.add_done_callback(_report_end)

    async def _run(self) -> None:
        """Look at the jobs whenever one is due, until there are none."""
        while self._remaining():
            await self._until_due()
            remaining, now = self._remaining(), time.monotonic()
            if not remaining or not self.breaker.allows():
                continue
            looked_at = remaining
            try:
                async with asyncio.timeout(ROUND_LIMIT):
                    looked_at = await self._round(remaining, now)
            except Exception:
                log.exception("Slurm's jobs could not be looked at")
                self.breaker.failed(now)
            finally:
                self._finish(looked_at, now)

    def _remaining(self) -> list[Watched]:
        return [watched for watched in self._watched.values() if not watched.is_gone]

    async def _until_due(self) -> None:
        while remaining := self._remaining():
            due = max(min(watched.due for watched in remaining), self.breaker.next, self._last + SPACING)
            self._sooner.clear()
            if (pause := due - time.monotonic()) <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._sooner.wait(), pause)

    def _finish(self, looked_at: list[Watched], began: float) -> None:
        """Set when each job is due next; let those who wait go on."""
        self._last = time.monotonic()
        for watched in looked_at:
            watched.asked = began
            if watched.changed <= began:  # otherwise something has happened since: it is due already
                interval = watched.owner.look_interval(self._last - watched.changed)
                # Once only: what Slurm has forgotten while its server answers may stay so for hours.
                awaits_second_look = not is_second_look(watched, began) and watched.suspected < math.inf
                watched.due = self._last + (SECOND_LOOK if awaits_second_look else interval)
        self._wake_waiting()

    def _wake_waiting(self) -> None:
        answered, self._answered = self._answered, asyncio.Event()
        answered.set()

    async def _round(self, remaining: list[Watched], now: float) -> list[Watched]:
        """Put the question for all, or those for the jobs that are due; the jobs that were looked at."""
        failure = None
        if now >= self._all_from:
            try:
                found = await self._questions.for_all(remaining)
            except CommandError as error:
                failure = error
            else:
                await self._take_all(found, remaining, now)
                return remaining
        elif self._all_from == math.inf:
            self._say("Slurm's jobs are asked for one by one: no command that asks for all is configured")
        due = [watched for watched in remaining if watched.due <= now] or remaining
        await self._ask_each(due, now, failure)
        return due

    async def _take_all(self, found: dict[str, slurm.Job], remaining: list[Watched], now: float) -> None:
        self._all_failed = 0
        self._note_answer()
        for watched in remaining:
            if job := found.get(watched.job_id):
                watched.suspected = math.inf
                self._take(watched, job, now)
        missing = [watched for watched in remaining if watched.job_id not in found]
        if not missing:
            return
        many = are_many(len(missing), len(remaining))
        answers = await self._confirm(missing, many, now)
        if not found and any(job.state in THERE for job in answers.values()):
            self._ask_one_by_one(f"squeue shows none of {len(missing)} jobs, but they are there", now)
        await self._judge(answers, many, now)

    async def _confirm(self, missing: list[Watched], many: bool, now: float) -> dict[Watched, slurm.Job]:
        """Ask for each of the missing by itself; for one if they are many and missing for the first time."""
        first, *others = missing
        answer = await self._questions.for_one(first)
        if many and answer.state is slurm.JobState.UNKNOWN:
            return {}
        if many and answer.is_forgotten and not any(is_second_look(watched, now) for watched in missing):
            return dict.fromkeys(missing, answer)
        return {first: answer} | await self._questions.for_each(others)

    async def _ask_each(self, due: list[Watched], now: float, failure: CommandError | None) -> None:
        """Ask for each job by itself; for a single one first if it is likely that nothing answers."""
        answers: dict[Watched, slurm.Job] = {}
        if failure is not None or self.breaker.failures:
            probe = random.choice(due)  # noqa: S311 - not always the same one
            answers[probe] = await self._questions.for_one(probe)
            if answers[probe].state is slurm.JobState.UNKNOWN:
                self.slurm_fails(failure, now)
                return
        if failure is not None:
            self._all_failed += 1
            if self._all_failed > 1:
                self._ask_one_by_one(f"squeue for all fails: {failure}", now)
        answers |= await self._questions.for_each(watched for watched in due if watched not in answers)
        if all(job.state is slurm.JobState.UNKNOWN for job in answers.values()):
            self.slurm_fails(None, now)
            return
        self._note_answer()
        forgotten = sum(job.is_forgotten for job in answers.values())
        await self._judge(answers, are_many(forgotten, len(answers)), now)

    # -- conclusions

    async def _judge(self, answers: dict[Watched, slurm.Job], many: bool, now: float) -> None:
        """Take answers to questions for single jobs.

        :param many: whether so many are forgotten that Slurm may have lost what it knew.
        """
        suspects = []
        for watched, job in answers.items():
            if job.is_forgotten and (many or watched.suspected < math.inf):
                watched.suspected = min(watched.suspected, now)
                suspects.append(watched)
                continue
            if job.state is not slurm.JobState.UNKNOWN:
                watched.suspected = math.inf
            self._take(watched, job, now)
        again = [watched for watched in suspects if is_second_look(watched, now)]
        # Together: a node that is gone lets each of them wait until there is no time left.
        is_up = await asyncio.gather(*(watched.owner.server_answers() for watched in again))
        gone = [watched for watched, answers_too in zip(again, is_up, strict=True) if not answers_too]
        for watched in gone:
            self._take(watched, slurm.FORGOTTEN, now)
        if doubtful := len(suspects) - len(gone):
            self._say(f"Slurm has forgotten {doubtful} jobs at once: gone unless their servers answer")

    def _take(self, watched: Watched, job: slurm.Job, now: float) -> None:
        """Keep an answer, if it says anything."""
        if job.state is slurm.JobState.UNKNOWN:
            return
        is_new, watched.job, watched.known = watched.job != job, job, now
        if is_new:
            watched.changed = max(watched.changed, now)
            watched.owner.job_changed(job)

    def _ask_one_by_one(self, reason: str, now: float) -> None:
        """Do without the question for all, for a while."""
        self._all_from = now + TRY_ALL_AGAIN
        self._say(f"Slurm's jobs are asked for one by one: {reason}")

    def _note_answer(self) -> bool:
        """Slurm has answered; whether it did not before."""
        news = self.breaker.succeeded()
        if news:
            log.info("Slurm answers again")
        return news

    def _say(self, message: str) -> None:
        """Once for all to see."""
        kind = message.partition(":")[0]
        (log.debug if kind in self._said else log.warning)("%s", message)
        self._said.add(kind)


def _report_end(task: asyncio.Task[None]) -> None:
    """Say that the task has ended in a way that it should not: the next poll starts it anew."""
    if not task.cancelled() and (error := task.exception()):
        log.error("Looking at Slurm's jobs ended; it begins anew", exc_info=error)


_WATCHERS: dict[str, Watcher] = {}


def watcher(command: str, time_limit: float, longest_pause: float) -> Watcher:
    """The watcher of all jobs with this command; parameters as :class:`Watcher` has them."""
    if command not in _WATCHERS:
        _WATCHERS[command] = Watcher(command, time_limit, longest_pause)
    return _WATCHERS[command]
