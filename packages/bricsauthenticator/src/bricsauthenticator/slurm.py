"""What squeue and scancel say, and sbatch when it succeeds. Pure.

The rule: a job is gone only if Slurm says so. Whatever else goes wrong on the way (SSH, sudo, a time-out, a
controller that is away) says nothing about the job.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class JobState(Enum):
    """What is known about a job."""

    PENDING = "pending"
    RUNNING = "running"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Job:
    """What squeue says about a job.

    :param host: the node that runs the batch script, of a running job.
    :param is_forgotten: whether Slurm knows no such job: it ended a while ago, unless Slurm has lost what it
        knew.
    """

    state: JobState
    host: str = ""
    is_forgotten: bool = False


NOTHING_KNOWN = Job(JobState.UNKNOWN)
FORGOTTEN = Job(JobState.GONE, is_forgotten=True)

# squeue(1), JOB STATE CODES. An answer with none of these says nothing about the job.
PENDING = frozenset(
    {
        "PENDING",
        "CONFIGURING",
        "POWER_UP_NODE",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "RESV_DEL_HOLD",
        "SPECIAL_EXIT",
    }
)
RUNNING = frozenset(
    {
        "RUNNING",
        "COMPLETING",
        "RESIZING",
        "SIGNALING",
        "STAGE_OUT",
        "STOPPED",
        "SUSPENDED",
        "UPDATE_DB",
    }
)
OVER = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "LAUNCH_FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "RECONFIG_FAIL",
        "REVOKED",
        "TIMEOUT",
    }
)

JOB_LINE = re.compile(r"([A-Z_]{2,32})(?:[ \t]+(\S{1,255}))?")
HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,254}")
JOB_ID = re.compile(r"([1-9][0-9]{0,9})(?:;[A-Za-z0-9_.-]{1,64})?")
UNKNOWN_JOB = "Invalid job id specified"
"""What squeue says, with exit status 1, of a job that the controller has forgotten."""


def parse_squeue(output: str) -> Job:
    """The answer of a squeue that has succeeded: ``STATE HOST``; nothing if the job has left the queue."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines:
        return Job(JobState.GONE)
    match = JOB_LINE.fullmatch(lines[-1])
    return _job(match.group(1), match.group(2) or "") if match else NOTHING_KNOWN


def _job(state: str, host: str) -> Job:
    if state in OVER:
        return Job(JobState.GONE)
    if state in PENDING:
        return Job(JobState.PENDING)
    if state in RUNNING and HOST.fullmatch(host):
        return Job(JobState.RUNNING, host)
    return NOTHING_KNOWN


def parse_squeue_error(stderr: str) -> Job:
    """What the error of a squeue that has failed says about the job."""
    return FORGOTTEN if UNKNOWN_JOB in stderr else NOTHING_KNOWN


ALL_FORMAT = "%A@%T@%B"
"""squeue's format of :func:`parse_all`'s lines; nothing in it needs quoting in a shell."""

JOB_OF_ALL = re.compile(r"([1-9][0-9]{0,9})@([A-Z_]{2,32})@(\S{0,255})")


def parse_all(output: str) -> dict[str, Job]:
    """Job ID → job, in an answer of ``squeue -o ALL_FORMAT``. Lines of another form are left out."""
    matches = (JOB_OF_ALL.fullmatch(line.strip()) for line in output.splitlines())
    return {match.group(1): _job(match.group(2), match.group(3)) for match in matches if match}


def is_answer(stderr: str) -> bool:
    """Whether the error of a squeue or scancel that has failed is Slurm's own about a job, and no outage."""
    return UNKNOWN_JOB in stderr or "already completing or completed" in stderr


def parse_sbatch(output: str) -> str:
    """The job ID in the output of ``sbatch --parsable``: the last line, as login scripts may print before.

    :raises ValueError: there is none.
    """
    lines = output.split("\n")
    match = JOB_ID.fullmatch(lines[-1].strip(" \t\r")) if lines else None
    if not match:
        raise ValueError("no job ID in the output of sbatch")
    return match.group(1)


@dataclass(frozen=True)
class Row:
    """A job in the list of an account's jobs.

    :param state: such as RUNNING, TIMEOUT, OUT_OF_MEMORY.
    :param reason: why it waits or how it ended, such as Resources, NonZeroExitCode, RaisedSignal:9(Killed),
        or None.
    """

    job_id: str
    state: str
    reason: str
    comment: str


LIST_FORMAT = "%i@%T@%r@%k"
"""squeue's format of :func:`parse_list`'s lines; nothing in it needs quoting in a shell."""

ROW = re.compile(r"([1-9][0-9]{0,9})@([A-Z_]{2,32})@([^@]*)@(.*)")


def parse_list(output: str) -> list[Row]:
    """The jobs in an answer of ``squeue -o LIST_FORMAT``. Lines of another form, such as greetings, are left out."""
    matches = (ROW.fullmatch(line.strip()) for line in output.splitlines())
    return [Row(*match.groups()) for match in matches if match]


NO_REASON = ("", "None", "(null)")
"""What Slurm says instead of a reason."""


def in_queue(row: Row) -> bool:
    """Whether the job is not over."""
    return row.state not in OVER


def ending(row: Row) -> str:
    """How a job that is over ended, in Slurm's words."""
    reason = "" if row.reason in NO_REASON else f" ({row.reason})"
    return f"{row.state}{reason}"
