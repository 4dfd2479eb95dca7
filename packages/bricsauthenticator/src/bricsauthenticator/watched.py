"""``Watched``: a job that the watcher looks at, and what that wants of its spawner. Imports: slurm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from bricsauthenticator import slurm

SECOND_LOOK = 10.0
"""Seconds until those of whom many are missing are looked for again."""


class Owner(Protocol):
    """What a job belongs to: a spawner."""

    stale_after: float
    """Seconds after which an answer no longer counts."""

    async def ask(self, job_id: str) -> slurm.Job:
        """What Slurm says of the job by itself. Raises RuntimeError if it says nothing."""

    async def server_answers(self) -> bool:
        """Whether the job's server takes connections."""

    def look_interval(self, age: float) -> float:
        """Seconds from a look at the job to the next, so many seconds after something has happened to it."""

    def job_changed(self, job: slurm.Job) -> None:
        """Something new is known of the job."""


@dataclass(eq=False)
class Watched:
    """A job, and what is known of it. Times are those of the monotonic clock.

    :param due: when it is to be looked at next.
    :param changed: when something last happened to it.
    :param job: the last answer.
    :param known: when the question was put to which that is the answer.
    :param asked: when it was last looked at, with or without an answer.
    :param suspected: since when it has been missing with many others.
    """

    job_id: str
    owner: Owner
    due: float
    changed: float
    job: slurm.Job = slurm.NOTHING_KNOWN
    known: float = -math.inf
    asked: float = -math.inf
    suspected: float = math.inf

    @property
    def is_gone(self) -> bool:
        """Whether there is nothing left to ask."""
        return self.job.state is slurm.JobState.GONE


def are_many(missing: int, asked: int) -> bool:
    """Whether so many jobs are missing that this is hardly their own end."""
    return missing > 1 and 2 * missing >= asked


def is_second_look(watched: Watched, now: float) -> bool:
    """Whether the job has been missing, with many others, for long enough."""
    return now - watched.suspected >= SECOND_LOOK
