"""``JobSpawner``: batchspawner's SlurmSpawner, made robust. It knows nothing of projects.

Job and server are one thing: whatever happens while a job is submitted, the hub adopts it or has it cancelled, and a
server that is up ends with its job and not before.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache
from typing import Any

from batchspawner import JobStatus
from jupyterhub.spawner import Spawner
from tornado import web
from traitlets import Bool, Float, Integer, default

from bricsauthenticator import explain, leftovers, progress, report_api, sbatch_answers, slurm
from bricsauthenticator.job_commands import new_mark
from bricsauthenticator.job_server import JobServer
from bricsauthenticator.queue_watch import QueueWatch
from bricsauthenticator.tracked_job import TrackedJob

report_api.register()
leftovers.register()

QUEUE = QueueWatch()
"""That of the hub, for all servers."""

LATE_ANSWER = 1.0
"""Seconds after the report of a job that runs, in which sbatch, too, should have said that it was accepted."""


@cache
def _submissions(most: int) -> asyncio.Semaphore:
    """The hub's, for all servers."""
    return asyncio.Semaphore(most)


class JobSpawner(TrackedJob):
    """Runs a server as a Slurm job."""

    stop_timeout = Float(
        60.0,
        help="Seconds in which a cancelled job must have ended; then its server counts as stopped all the same, and"
        " cancelling goes on.",
    ).tag(config=True)
    queue_timeout = Float(
        3600.0, min=1, help="Seconds that a job may wait in the queue; then it is cancelled."
    ).tag(config=True)
    startup_timeout = Float(
        300.0,
        min=1,
        help="Seconds from when a job runs until its server must listen. The time in the queue does not count.",
    ).tag(config=True)
    search_timeout = Float(
        10.0, help="Seconds for which a job is looked for whose submission had no clear answer."
    ).tag(config=True)

    concurrent_submissions = Integer(
        10,
        min=1,
        help="Most jobs that are submitted at a moment. Unlike JupyterHub's concurrent_spawn_limit, which should be 0,"
        " it does not count those that wait in Slurm's queue.",
    ).tag(config=True)

    _submitted = 0.0
    """When the job was accepted, on the monotonic clock."""

    reports_activity = Bool(
        True,
        help="Servers tell the hub when they were last used, computing included (see ``server_activity``).",
    )

    _found_running = False
    """Whether the server is one of those that the hub found when it started."""

    @default("start_timeout")
    def _start_timeout_default(self) -> int:
        """JupyterHub's own limit, which is for everything together."""
        submission = self.command_timeout + LATE_ANSWER + self.search_timeout
        return math.ceil(submission + self.queue_timeout + self.startup_timeout)

    @property
    def server(self) -> Any:
        """Where the server is. A hub that has found it at its start takes its job's word for it."""
        known = Spawner.server.fget(self)
        if known is not None and self._found_running and not isinstance(known, JobServer):
            self._server = known = JobServer(orm_server=known.orm_server)
            known.job_is_there = self.job_is_there
        return known

    @server.setter
    def server(self, server: Any) -> None:
        Spawner.server.fset(self, server)

    def load_state(self, state: dict[str, Any]) -> None:
        """Set what :meth:`get_state` gave."""
        super().load_state(state)
        self._found_running = bool(self.job_id)

    def clear_state(self) -> None:
        """Forget the job."""
        super().clear_state()
        self._found_running = False

    async def start(self) -> tuple[str, int]:
        """Submit the job and wait until its server listens.

        :raises tornado.web.HTTPError: 400 the job is refused; 500 it ended at once; 503 no answer from Slurm.
        """
        self.mark, self._starting = new_mark(), True
        self.port = 0
        if self.server:
            self.server.port = 0
        self.store()  # a hub that is killed from here on must find the job, to cancel it
        try:
            async with _submissions(self.concurrent_submissions):
                self.job_id = await self._submit()
            self._submitted = time.monotonic()
            self.log.info("Job %s of %s submitted", self.job_id, self._log_name)
            self.store()
            return await self._wait_for_server()
        finally:
            self._starting = False
            if self.mark and not self.job_id:
                self.give_up()

    async def _submit(self) -> str:
        """Submit the job, and find out its ID one way or another.

        :raises tornado.web.HTTPError: 400 Slurm refuses the job; 500 there is no home; 503 Slurm cannot be reached.
        """
        submission, asked = asyncio.ensure_future(self.submit(self.mark)), time.monotonic()
        try:
            job_id = await self._answer(submission)
            self._watcher.slurm_answers()
            return job_id
        except (RuntimeError, OSError, ValueError) as error:
            self.log.error("Submitting a job for %s failed: %s", self._log_name, error)
            reason, failure = error, sbatch_answers.failure(getattr(error, "stderr", ""))
        finally:
            submission.cancel()
        if failure.refusal or failure.home:
            self._watcher.slurm_answers()
            self.forget()
            raise explain.JobRefused(failure.refusal) if failure.refusal else explain.no_home(failure.home)
        if job_id := await self._search():
            return job_id
        self._watcher.slurm_fails(reason, asked)
        raise explain.unreachable()

    async def _answer(self, submission: asyncio.Future[str]) -> str:
        """The job's ID: sbatch's answer, or, if the job reports before that has come, by its mark."""
        while True:
            self._news.clear()
            report = asyncio.ensure_future(self._news.wait())
            either: list[asyncio.Future[Any]] = [submission, report]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            report.cancel()
            await asyncio.wait({submission}, timeout=LATE_ANSWER)
            if submission.done():
                return submission.result()
            if job_id := await self._find():
                return job_id

    async def _find(self) -> str | None:
        """The ID of the job with this start's mark; empty: there is none to be seen; None: Slurm cannot be asked."""
        try:
            return await self.find(self.mark)
        except (RuntimeError, OSError) as error:
            self.log.warning("The job of %s cannot be looked for: %s", self._log_name, error)
            return None

    async def _search(self) -> str:
        """The ID of the job if it was accepted all the same; empty if it does not show up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.search_timeout):
                while self.batch_list_cmd:
                    if job_id := await self._find():
                        return job_id
                    if job_id is None:
                        break
                    self._news.clear()
                    await self.wait_for_news(1.0)
        return ""

    async def _wait_for_server(self) -> tuple[str, int]:
        """Wait until the server listens.

        :raises tornado.web.HTTPError: 500 the job is gone, or its server ended; 503 queue or start took too long.
        """
        ran = 0.0
        while True:
            self._news.clear()
            if self._end is not None:
                raise explain.ended_early(self.job_id, await self.ending(), self._end)
            if await self.query_job_status() is JobStatus.NOTFOUND:
                error = explain.ended_early(self.job_id, await self.ending(), self._end)
                self.forget()
                raise error
            if self.port and self.state_gethost():
                break
            if self._stage or self.state_isrunning():
                ran = ran or time.monotonic()
            deadline = ran + self.startup_timeout if ran else self._submitted + self.queue_timeout
            if time.monotonic() >= deadline:
                raise await self._took_too_long(running=bool(ran))
            await self.wait_for_news(min(self.longest_poll_interval, deadline - time.monotonic()))
        self.log.info("Job %s: server at %s:%s", self.job_id, self.state_gethost(), self.port)
        return self.state_gethost(), self.port

    async def _took_too_long(self, running: bool) -> web.HTTPError:
        """What to tell; JupyterHub then stops the server, which cancels the job."""
        if running:
            self.log.error("Job %s of %s runs, its server does not", self.job_id, self._log_name)
            return explain.slow_start(self.job_id, self.startup_timeout)
        self.log.error("Job %s of %s waited too long", self.job_id, self._log_name)
        return explain.long_queue(self.job_id, self.queue_timeout, await self.reason())

    async def poll(self) -> int | None:
        """None while the job is there or nothing is known about it; 1 once it is gone or counts as lost."""
        if self._starting:
            return None
        if await self.query_job_status() is not JobStatus.NOTFOUND:
            if not self.is_lost():
                return None
            self.log.error("Nothing is known of job %s of %s: lost", self.job_id, self._log_name)
            self.give_up()
        self.forget()
        return 1

    async def stop(self, now: bool = False) -> None:
        """Cancel the job, again if that fails, and wait until it is gone; after ``stop_timeout`` go on without it."""
        if not self.job_id:
            return
        try:
            async with asyncio.timeout(self.stop_timeout):
                await self._cancel(wait=not now)
        except TimeoutError:
            self.log.error("Job %s of %s has not ended yet: cancelling goes on", self.job_id, self._log_name)
            self.give_up()

    async def _cancel(self, wait: bool) -> None:
        await self._cancel_once()
        if wait:
            self._stopping = True
            self.hurry()
            while await self._is_there():
                await self.wait_for_news(self.longest_poll_interval)

    async def _cancel_once(self) -> None:
        """Cancel the job, as often as it takes to reach Slurm."""
        pause = 0.1
        while True:
            try:
                await self.cancel(self.job_id)
            except (RuntimeError, OSError) as error:
                self.log.warning("Cancelling job %s failed: %s", self.job_id, error)
                if slurm.is_answer(getattr(error, "stderr", "")):
                    return
            else:
                self._watcher.slurm_answers()
                return
            if not await self._is_there():
                return
            await self.wait_for_news(pause)
            pause = min(pause * 1.5, 2.0)

    async def _is_there(self) -> bool:
        """Whether the job may be there still, as far as is known; what comes after this counts as news."""
        self._news.clear()
        return await self.query_job_status() is not JobStatus.NOTFOUND

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What the spawn page shows, whenever that changes."""
        shown: dict[str, Any] = {}
        while True:
            event = self._progress_event()
            if event != shown:
                yield event
                shown = event
            await asyncio.sleep(0.25)

    def _progress_event(self) -> dict[str, Any]:
        queue = QUEUE.look(self.ask_queue, self.longest_poll_interval) if self.state_ispending() else {}
        start = progress.Start(
            job_id=self.job_id,
            state=self._job.state,
            host=self.state_gethost(),
            launched=bool(self._stage),
            imported=self._stage == "imported",
            listens=bool(self.port),
            waited=time.monotonic() - self._submitted,
        )
        return progress.event(start, queue.get(self.job_id), time.time())
