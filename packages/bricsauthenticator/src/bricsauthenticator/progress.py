"""What the page of a starting server shows. Pure. Imports: explain, slurm, waiting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bricsauthenticator.explain import duration
from bricsauthenticator.slurm import JobState
from bricsauthenticator.waiting import Waiting, in_words


@dataclass(frozen=True)
class Start:
    """How far a start is.

    :param job_id: empty: not submitted yet.
    :param launched: whether the launcher runs in the job, and with that the job's environment is in place.
    :param imported: whether the server's programs are imported, as far as a Jupyter server tells.
    :param waited: seconds since the submission.
    """

    job_id: str = ""
    state: JobState = JobState.UNKNOWN
    host: str = ""
    launched: bool = False
    imported: bool = False
    listens: bool = False
    waited: float = 0.0


def event(start: Start, waiting: Waiting | None, now: float) -> dict[str, Any]:
    """JupyterHub's event for a start: how much is done, and a message.

    :param waiting: what the queue says of the job; None if that is not known.
    :param now: seconds since 1970.
    """
    job = f"Slurm job {start.job_id}"
    if not start.job_id:
        return {"progress": 10, "message": "Submitting a Slurm job"}
    if start.listens:
        return {"progress": 90, "message": f"{job}: the server listens on {start.host or 'its node'}"}
    where = f" on {start.host}" if start.host else ""
    if start.imported:
        return {"progress": 80, "message": f"{job} runs{where}: the server is loaded, and about to listen"}
    if start.launched:
        message = f"{job} runs{where}: its environment is active, the server is starting"
        return {"progress": 70, "message": message}
    if start.state is JobState.RUNNING:
        return {"progress": 60, "message": f"{job} runs on {start.host}: its environment is being set up"}
    if start.state is JobState.PENDING:
        return {"progress": 30, "message": f"{job} waits in the queue{_details(start.waited, waiting, now)}"}
    return {"progress": 20, "message": f"{job} is submitted"}


def _details(waited: float, waiting: Waiting | None, now: float) -> str:
    """How long, why, where, until when: in steps that are long enough to be read."""
    minutes = int(waited // 60) * 60
    words = f" for {duration(minutes)}" if minutes else ""
    if waiting is None:
        return words
    if reason := in_words(waiting.reason):
        words += f": {reason}"
    if waiting.place:
        words += f". Place {waiting.place} of {waiting.waiting} that wait for its partition"
    if waiting.start > now:
        away = max(60, round((waiting.start - now) / 60) * 60)
        words += f". Slurm expects it to start in about {duration(away)}"
    return words
