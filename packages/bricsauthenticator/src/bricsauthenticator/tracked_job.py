"""``TrackedJob``: what the hub knows about a server's job, in memory and in its database.

- Each start has a mark, which is stored before the job is submitted and is in the job's comment. What a start leaves
  behind is looked for and cancelled (see ``leftovers``), or ends by itself when its launcher's report is refused.
- A job counts as gone only when Slurm says so, or when nothing has been known about it until long after its time.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from batchspawner import JobStatus
from traitlets import Float

from bricsauthenticator import leftovers, slurm
from bricsauthenticator.commands import CommandError
from bricsauthenticator.job_commands import JobCommands
from bricsauthenticator.job_server import takes_connections
from bricsauthenticator.leftovers import LEFTOVERS, Leftover
from bricsauthenticator.options import seconds
from bricsauthenticator.report_api import Report, Verdict
from bricsauthenticator.watcher import Watcher, watcher

STATUS = {
    slurm.JobState.PENDING: JobStatus.PENDING,
    slurm.JobState.RUNNING: JobStatus.RUNNING,
    slurm.JobState.GONE: JobStatus.NOTFOUND,
    slurm.JobState.UNKNOWN: JobStatus.UNKNOWN,
}

DAY = 86400.0
ENDS_WITHIN = 60.0
"""Seconds for which a job that says that its server has ended, or that was cancelled, is looked at often."""


class TrackedJob(JobCommands):
    """A job, from before it is submitted until it is certainly gone.

    :mod:`bricsauthenticator.slurm` makes out what squeue says; batchspawner's ``state_…_re`` are not used.
    """

    lost_grace = Float(
        600.0,
        help="Seconds after the end of its time limit from which a job counts as lost if nothing is known about it.",
    ).tag(config=True)

    startup_poll_interval = Float(
        0.25, help="Seconds between the first checks of a starting job; later ones are less frequent."
    ).tag(config=True)
    max_startup_poll_interval = Float(
        5.0, help="Longest time between two checks of a starting job, seconds."
    ).tag(config=True)
    failing_poll_interval = Float(
        60.0, min=1.0, help="Longest time between two queries while Slurm does not answer, seconds."
    ).tag(config=True)

    mark = ""
    """That of the start that the server comes from."""

    job_id: str
    req_username: str
    _job = slurm.NOTHING_KNOWN
    _starting = False
    _stopping = False
    _notifying: asyncio.Future[Any] | None = None
    _time_up = 0.0
    """When the job's time limit ends, at the latest known; 0 before it has been seen running."""
    _stage = ""
    """The latest that the launcher has reported; empty: nothing yet."""
    _end: Report | None = None
    """The launcher's last report, of the server's end."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._news = asyncio.Event()
        """Set at each of the launcher's reports, and whenever Slurm says something new."""

    # -- state

    def get_state(self) -> dict[str, Any]:
        """The job, the start that it comes from, and starts that were given up."""
        state: dict[str, Any] = super().get_state()
        if self.mark or self.job_id:
            state |= {"mark": self.mark, "starting": self._starting, "account": self.req_username}
            state["time_up"] = self._time_up
        if given_up := LEFTOVERS.stored(self.orm_spawner):
            state[leftovers.KEY] = given_up
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Set what :meth:`get_state` gave. A start that was interrupted by the hub's end is given up."""
        super().load_state(state)
        self.mark, self._time_up = state.get("mark", ""), state.get("time_up", 0.0)
        self.req_username = str(state.get("account") or self.req_username)
        LEFTOVERS.load(state, self)
        if state.get("starting"):
            self.give_up()

    def clear_state(self) -> None:
        """Forget the job."""
        self._watcher.forget(self.job_id)
        super().clear_state()
        self.mark, self._time_up, self._starting, self._stopping = "", 0.0, False, False
        self._job, self._stage, self._end = slurm.NOTHING_KNOWN, "", None

    def store(self) -> None:
        """Write the state into the hub's database."""
        self.orm_spawner.state = self.get_state()
        self.user.db.commit()

    def give_up(self) -> None:
        """Leave the job, whether it is known or not, to be cancelled."""
        LEFTOVERS.add(leftovers.given_up(self.mark, self.req_username, self.job_id), self)
        self.forget()

    def forget(self) -> None:
        """The job is gone, or is no longer the server's. The hub still needs the token, to revoke it."""
        self._watcher.forget(self.job_id)
        self.mark = self.job_id = self.job_status = ""

    async def settle(self, leftover: Leftover) -> Leftover | None:
        """Cancel the job of a start that was given up; None once it is gone.

        :raises RuntimeError: Slurm cannot be asked.
        """
        if not self._watcher.breaker.allows():
            return leftover
        asked = time.monotonic()
        try:
            remaining = await self._settle(leftover)
        except CommandError as error:
            self._watcher.slurm_fails(error, asked)
            raise
        self._watcher.slurm_answers()
        return remaining

    async def _settle(self, leftover: Leftover) -> Leftover | None:
        job_id, account = leftover.job_id, leftover.username
        if not job_id:
            job_id = await self.find(leftover.mark, account)
            if not job_id:
                return leftover
        with suppress(CommandError):  # it may be gone already, which the query tells
            await self.cancel(job_id, account)
        gone = (await self.ask(job_id, account)).state is slurm.JobState.GONE
        return None if gone else leftovers.found(leftover, job_id)

    # -- what Slurm says

    @property
    def _watcher(self) -> Watcher:
        """The one that looks at this job, with all the others."""
        return watcher(self.batch_watch_cmd, self.command_timeout, self.failing_poll_interval)

    @property
    def stale_after(self) -> float:
        """Seconds after which an answer of Slurm's no longer counts."""
        return 3 * max(float(self.poll_interval), self.startup_poll_interval)

    async def ask(self, job_id: str, account: str = "") -> slurm.Job:
        """What Slurm says about a job by itself.

        :raises RuntimeError: it says nothing.
        """
        try:
            output = await self.query(job_id, account)
        except CommandError as error:
            job = slurm.parse_squeue_error(error.stderr)
            if job.state is slurm.JobState.UNKNOWN:
                raise
            return job
        return slurm.parse_squeue(output)

    async def query_job_status(self) -> JobStatus:
        """What is known about the job; UNKNOWN whenever Slurm has not told of late. Raises nothing."""
        if not self.job_id:
            return JobStatus.NOTFOUND
        self._job = await self._watcher.look(self.job_id, self)
        self.job_status = self._job.state.name
        if self._job.state is slurm.JobState.RUNNING:
            self._time_up = max(self._time_up or time.time() + self._time_limit(), time.time())
        return STATUS[self._job.state]

    @property
    def longest_poll_interval(self) -> float:
        """Seconds; not less than the first one."""
        return max(self.startup_poll_interval, self.max_startup_poll_interval)

    def look_interval(self, age: float) -> float:
        """Seconds from a look at the job to the next, so many seconds after something has happened to it."""
        if (self._stopping or self._end is not None) and age < ENDS_WITHIN:
            return min(max(age / 5, 0.25), 2.0)
        if not self._starting:
            return max(float(self.poll_interval), self.startup_poll_interval)
        if self.state_isrunning():
            # Its launcher reports what there is to know; only that it was killed must be asked.
            return self.longest_poll_interval
        if self._stage:  # Slurm, too, will say in a moment that it runs
            return 1.0
        return min(max(age / 5, self.startup_poll_interval), self.longest_poll_interval)

    def hurry(self) -> None:
        """Have the job looked at soon: something has happened to it."""
        self._watcher.hurry(self.job_id)

    def job_changed(self, job: slurm.Job) -> None:
        """Slurm has said something new; that a server's job has ended is no matter for the next poll."""
        self.log.info("Job %s of %s: %s %s", self.job_id, self._log_name, job.state.value, job.host)
        self._job = job
        self._news.set()
        if job.state is slurm.JobState.GONE and self._poll_callback and not self._stopping:
            self._notifying = asyncio.ensure_future(self.poll_and_notify())

    async def server_answers(self) -> bool:
        """Whether something takes connections where the server is."""
        return await takes_connections(self.server)

    async def job_is_there(self) -> bool:
        """Whether Slurm, asked anew, knows the job, or says nothing."""
        now = time.monotonic()
        self.hurry()
        return (await self._watcher.look(self.job_id, self, since=now)).state is not slurm.JobState.GONE

    def _time_limit(self) -> float:
        with suppress(ValueError):
            return float(seconds(self.req_runtime))
        return DAY

    def is_lost(self) -> bool:
        """Whether nothing is known about the job, long after its time."""
        over = self._time_up and time.time() > self._time_up + self.lost_grace
        return bool(over) and self._job.state is slurm.JobState.UNKNOWN

    async def _row(self) -> slurm.Row | None:
        """The job in the list of its account's jobs; None: it is not there."""
        return next((row for row in await self.list_jobs() if row.job_id == self.job_id), None)

    async def ending(self) -> str:
        """How the job ended, in Slurm's words; empty if they cannot be had. It completes a moment after its server."""
        with suppress(RuntimeError, OSError, TimeoutError):
            async with asyncio.timeout(ENDS_WITHIN):
                while (row := await self._row()) and slurm.in_queue(row):
                    await asyncio.sleep(1)
                return slurm.ending(row) if row else ""
        return ""

    async def reason(self) -> str:
        """Why the job waits, in Slurm's words; empty if they cannot be had."""
        with suppress(RuntimeError, OSError):
            if (row := await self._row()) and row.reason not in slurm.NO_REASON:
                return row.reason
        return ""

    def state_ispending(self) -> bool:
        """As of the last query."""
        return self._job.state is slurm.JobState.PENDING

    def state_isrunning(self) -> bool:
        """As of the last query."""
        return self._job.state is slurm.JobState.RUNNING

    def state_isunknown(self) -> bool:
        """As of the last query."""
        return self._job.state is slurm.JobState.UNKNOWN

    def state_gethost(self) -> str:
        """The node of the running job, as of the last query."""
        return self._job.host

    # -- what the launcher says

    def take_report(self, report: Report) -> Verdict:
        """Take the report of a launcher with this start's mark."""
        if self._starting and not self.job_id:
            self._news.set()
            return Verdict.LATER
        if report.job != self.job_id:
            return Verdict.REFUSED
        self._stage = report.stage
        if report.stage == "listening" and self._starting:
            self.port = report.port
        is_end = report.stage == "ended" and self._end is None
        if is_end:
            self._end = report
        # Once: a job may say anything, as often as it likes.
        if is_end or not self.state_isrunning():
            self.hurry()
        self._news.set()
        return Verdict.ACCEPTED

    async def wait_for_news(self, longest: float) -> None:
        """Wait until a report, or news of Slurm's, has come since :attr:`_news` was last cleared."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), longest)
