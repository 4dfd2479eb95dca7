"""``Questions``: what the watcher asks Slurm, for all jobs at once or for each. Imports: commands, metrics,
slurm, watched."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from bricsauthenticator import commands, metrics, slurm
from bricsauthenticator.watched import Watched

AT_ONCE = 4
"""Most questions for single jobs at once: an sshd takes ten sessions of a connection unless it is told otherwise."""

log = logging.getLogger("JupyterHub")


class Questions:
    """Puts questions."""

    def __init__(self, command: str, time_limit: float) -> None:
        """
        :param command: prints the jobs ``{job_ids}`` (separated by commas) in the form of :data:`slurm.ALL_FORMAT`.
        :param time_limit: seconds that it may take.
        """
        self._command, self._time_limit = command, time_limit
        self._places = asyncio.Semaphore(AT_ONCE)

    async def for_all(self, jobs: Iterable[Watched]) -> dict[str, slurm.Job]:
        """Job ID → job, of those that Slurm shows.

        :raises CommandError: there is no answer.
        """
        job_ids = ",".join(sorted(watched.job_id for watched in jobs))
        try:
            with metrics.timed("watch"):
                output = await commands.run(
                    self._command.format(job_ids=job_ids),
                    stdin="",
                    environment=commands.hub_environment(),
                    time_limit=self._time_limit,
                )
        except commands.CommandError as error:
            # Asked for a single job, squeue fails if it does not know that; of several it leaves those out.
            if slurm.parse_squeue_error(error.stderr) is not slurm.FORGOTTEN:
                raise
            return {}
        return slurm.parse_all(output)

    async def for_each(self, jobs: Iterable[Watched]) -> dict[Watched, slurm.Job]:
        """What Slurm says of each, asked for by itself; :data:`slurm.NOTHING_KNOWN` where it says nothing."""
        jobs = list(jobs)
        return dict(zip(jobs, await asyncio.gather(*map(self.for_one, jobs)), strict=True))

    async def for_one(self, watched: Watched) -> slurm.Job:
        """As :meth:`for_each`, of one job."""
        async with self._places:
            try:
                return await watched.owner.ask(watched.job_id)
            except Exception as error:
                log.debug("Asking Slurm for job %s failed: %s", watched.job_id, error)
                return slurm.NOTHING_KNOWN
