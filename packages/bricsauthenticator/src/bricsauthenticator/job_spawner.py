"""``JobSpawner``: batchspawner's SlurmSpawner, made robust. Imports: commands, port_api, slurm.

It knows nothing of projects. What differs from batchspawner 1.3:

- A job counts as gone only when Slurm says so; a query that fails leaves a running server alone.
- Every command has a time limit, and none sees the hub's secrets. No environment is logged: tokens are in it.
- A starting job is queried often at first, then ever more rarely; the report of its port ends the waiting.
- The job's ID is stored as soon as it is known; a cancellation that fails is tried again.
- ``poll`` keeps the server's token until the hub has revoked it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from batchspawner import JobStatus, SlurmSpawner  # type: ignore[import-untyped]
from batchspawner.batchspawner import format_template  # type: ignore[import-untyped]
from tornado import web
from traitlets import Float, Unicode, observe

from bricsauthenticator import commands, port_api, slurm

port_api.register()

STATUS = {
    slurm.JobState.PENDING: JobStatus.PENDING,
    slurm.JobState.RUNNING: JobStatus.RUNNING,
    slurm.JobState.GONE: JobStatus.NOTFOUND,
    slurm.JobState.UNKNOWN: JobStatus.UNKNOWN,
}


def refusal(status: int, message: str) -> web.HTTPError:
    """An error whose message the hub shows in the form, on the spawn page and in the API's answer."""
    error = web.HTTPError(status, message)
    error.jupyterhub_message = message  # type: ignore[attr-defined]
    return error


class JobSpawner(SlurmSpawner):  # type: ignore[misc]
    """Runs a server as a Slurm job.

    :mod:`bricsauthenticator.slurm` makes out what squeue says; batchspawner's ``state_…_re`` are not used.
    A subclass sets the traits ``req_…`` before the job is submitted, values that need no quoting in a shell.
    """

    command_timeout = Float(60.0, help="Seconds that a command of the batch system may take.").tag(
        config=True
    )
    stop_timeout = Float(60.0, help="Seconds in which a cancelled job must have ended.").tag(config=True)
    startup_poll_interval = Float(
        0.25, help="Seconds between the first queries of a starting job; they become rarer with time."
    ).tag(config=True)
    max_startup_poll_interval = Float(5.0, help="Most seconds between two queries of a starting job.").tag(
        config=True
    )

    exec_prefix = Unicode("sudo -n -u {username}").tag(config=True)
    batch_submit_cmd = Unicode("slurmspawner_sbatch").tag(config=True)
    batch_query_cmd = Unicode("SLURMSPAWNER_JOB_ID={job_id} slurmspawner_squeue").tag(config=True)
    batch_cancel_cmd = Unicode("SLURMSPAWNER_JOB_ID={job_id} slurmspawner_scancel").tag(config=True)
    batch_script = Unicode(slurm.BATCH_SCRIPT).tag(config=True)
    req_srun = Unicode("", help="Prefix of the server's command; empty: no job step of its own.").tag(
        config=True
    )

    _job = slurm.NOTHING_KNOWN
    _submitting = False
    _port_reported: asyncio.Event | None = None

    # -- commands

    async def restore_account(self) -> None:
        """Hook of subclasses: find out ``req_username`` if the stored state did not tell."""

    async def run_command(self, cmd: str, input: str | None = None, env: dict[str, str] | None = None) -> str:
        """Run a command line; its output.

        :param env: all of its environment; by default the hub's without its secrets.
        :raises CommandError: it failed or took too long.
        """
        environment = commands.hub_environment() if env is None else env
        return await commands.run(
            cmd, stdin=input or "", environment=environment, time_limit=self.command_timeout
        )

    async def _command(self, template: str) -> str:
        """A command line with ``exec_prefix``.

        :raises RuntimeError: it is not known as whom to run it.
        """
        if not self.req_username:
            await self.restore_account()
        if not self.req_username:
            raise RuntimeError("it is not known which account the job belongs to")
        variables = self.get_req_subvars() | {"job_id": self.job_id}
        return " ".join(format_template(part, **variables) for part in (self.exec_prefix, template) if part)

    async def submit_batch_script(self) -> str:
        """Submit the job; its ID.

        Unlike batchspawner's it lets no user option replace a variable of the script.

        :raises tornado.web.HTTPError: 400 Slurm refuses the job; 503 Slurm cannot be reached.
        """
        command = await self._command(self.batch_submit_cmd)
        variables = self.get_req_subvars() | {"cmd": self.cmd_formatted_for_batch()}
        script = await self._get_batch_script(**variables)
        environment = {"PATH": os.environ.get("PATH", os.defpath)} | self.get_env()
        self.log.info("Submitting a job for %s: %s", self._log_name, command)
        try:
            self.job_id = slurm.parse_sbatch(await self.run_command(command, script, environment))
        except (commands.CommandError, OSError, ValueError) as error:
            self.log.error("Submitting a job for %s failed: %s", self._log_name, error)
            complaints = slurm.sbatch_complaints(getattr(error, "stderr", ""))
            if complaints:
                raise refusal(400, f"Slurm refused the job: {complaints}") from None
            raise refusal(503, "Slurm cannot be reached at the moment. Please try again later.") from None
        self.log.info("Job %s of %s submitted", self.job_id, self._log_name)
        return str(self.job_id)

    async def query_job_status(self) -> JobStatus:
        """What is known about the job; UNKNOWN whenever Slurm has not told."""
        if not self.job_id:
            return JobStatus.NOTFOUND
        known = self._job.state is not slurm.JobState.UNKNOWN
        try:
            output = await self.run_command(await self._command(self.batch_query_cmd))
            self._job = slurm.parse_squeue(output)
            self.job_status = output[:200]
        except (RuntimeError, OSError) as error:
            self._job = slurm.parse_squeue_error(getattr(error, "stderr", ""))
            if self._job.state is slurm.JobState.UNKNOWN:  # once an outage for all to see
                log = self.log.warning if known else self.log.debug
                log("Querying job %s of %s failed: %s", self.job_id, self._log_name, error)
        return STATUS[self._job.state]

    async def cancel_batch_job(self) -> None:
        """Cancel the job.

        :raises RuntimeError: the command failed.
        """
        self.log.info("Cancelling job %s of %s", self.job_id, self._log_name)
        await self.run_command(await self._command(self.batch_cancel_cmd))

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

    # -- life cycle

    def clear_state(self) -> None:
        """Forget the job."""
        super().clear_state()
        self._job = slurm.NOTHING_KNOWN

    async def start(self) -> tuple[str, int]:
        """Submit the job and wait until its server has reported its port.

        :raises tornado.web.HTTPError: 400 the job is refused; 500 it ended at once; 503 no answer from Slurm.
        """
        self._port_reported = asyncio.Event()
        self.port = 0
        if self.server:
            self.server.port = 0
        self._submitting = True
        try:
            await self.submit_batch_script()
        finally:
            self._submitting = False
        # A hub that is restarted before the server is up must find the job, to cancel it.
        self.orm_spawner.state = self.get_state()
        self.user.db.commit()
        return await self._wait_for_server()

    async def _wait_for_server(self) -> tuple[str, int]:
        """Query the job, often at first, until it runs and its server's port is known.

        :raises tornado.web.HTTPError: 500 the job is gone.
        """
        interval = self.startup_poll_interval
        while True:
            if await self.query_job_status() is JobStatus.NOTFOUND:
                job_id, self.job_id = self.job_id, ""
                log = f"Its log in {self.req_homedir} may tell why."
                raise refusal(500, f"Job {job_id} ended before its server was ready. {log}")
            if not self.port:
                await self._sleep_until_port(interval)
            elif not self._job.host:
                await asyncio.sleep(interval)
            if self.port and self._job.host:
                self.log.info("Job %s: server at %s:%s", self.job_id, self._job.host, self.port)
                return self._job.host, self.port
            interval = min(interval * 1.2, self.max_startup_poll_interval)

    async def _sleep_until_port(self, seconds: float) -> None:
        assert self._port_reported is not None
        with suppress(TimeoutError):
            await asyncio.wait_for(self._port_reported.wait(), seconds)

    @observe("port")
    def _note_port(self, change: Any) -> None:
        if change.new and self._port_reported is not None:
            self._port_reported.set()

    async def poll(self) -> int | None:
        """None while the job is there or nothing is known about it; 1 once Slurm says that it is gone."""
        if self._submitting:
            return None
        if await self.query_job_status() is not JobStatus.NOTFOUND:
            return None
        self.job_id = self.job_status = ""  # not clear_state: the hub needs the token to revoke it
        return 1

    async def stop(self, now: bool = False) -> None:
        """Cancel the job, again if that fails, and wait until it is gone.

        :raises TimeoutError: it is still there after ``stop_timeout``; the log has its ID.
        """
        if not self.job_id:
            return
        try:
            async with asyncio.timeout(self.stop_timeout):
                await self._cancel(wait=not now)
        except TimeoutError:
            self.log.error("Job %s of %s has not ended: cancel it by hand", self.job_id, self._log_name)
            raise

    async def _cancel(self, wait: bool) -> None:
        cancelled, interval = False, 0.1
        while True:
            if not cancelled:
                try:
                    await self.cancel_batch_job()
                    cancelled = True
                except (RuntimeError, OSError) as error:
                    self.log.warning("Cancelling job %s failed: %s", self.job_id, error)
            if cancelled and not wait:
                return
            if await self.query_job_status() is JobStatus.NOTFOUND:
                return
            await asyncio.sleep(interval)
            interval = min(interval * 1.5, 2.0)

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
        if not self.job_id:
            return {"progress": 10, "message": "Submitting a Slurm job"}
        if self.state_isrunning():
            return {
                "progress": 60,
                "message": f"Slurm job {self.job_id} runs on {self._job.host}; its server starts",
            }
        if self.state_ispending():
            return {"progress": 30, "message": f"Slurm job {self.job_id} waits in the queue"}
        return {"progress": 20, "message": f"Slurm job {self.job_id} is submitted"}
