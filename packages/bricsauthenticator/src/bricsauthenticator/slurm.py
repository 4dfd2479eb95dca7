"""What Slurm's commands are given and what they say. Pure.

The rule: a job is gone only if Slurm says so. Whatever else goes wrong on the way (SSH, sudo, a time-out, a
controller that is away) says nothing about the job.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

BATCH_SCRIPT = """#!/bin/bash -l
#SBATCH --job-name=jupyterhub
#SBATCH --chdir={{ homedir }}
#SBATCH --output={{ homedir }}/jupyterhub_slurmspawner_%j.log
#SBATCH --export=ALL
#SBATCH --no-requeue
#SBATCH --time={{ runtime }}
{% if ngpus != "0" %}#SBATCH --gpus={{ ngpus }}
{% endif %}{% if partition %}#SBATCH --partition={{ partition }}
{% endif %}{% if reservation %}#SBATCH --reservation={{ reservation }}
{% endif %}{% if options %}#SBATCH {{ options }}
{% endif %}
set -euo pipefail
{{ prologue }}
{% if srun %}{{ srun }} {% endif %}{{ cmd }}
{{ epilogue }}
"""
"""Template of the batch script. A login shell with ``--export=ALL`` instead of ``--get-user-env``, for which
slurmd needs capabilities that a container may lack; no requeue, as the hub would not notice the new place."""


class JobState(Enum):
    """What is known about a job."""

    PENDING = "pending"
    RUNNING = "running"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Job:
    """What squeue says about a job."""

    state: JobState
    host: str = ""
    """The node that runs the batch script, of a running job."""


NOTHING_KNOWN = Job(JobState.UNKNOWN)

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
    if not match:
        return Job(JobState.UNKNOWN)
    state, host = match.group(1), match.group(2) or ""
    if state in OVER:
        return Job(JobState.GONE)
    if state in PENDING:
        return Job(JobState.PENDING)
    if state in RUNNING and HOST.fullmatch(host):
        return Job(JobState.RUNNING, host)
    return Job(JobState.UNKNOWN)


def parse_squeue_error(stderr: str) -> Job:
    """What the error of a squeue that has failed says about the job."""
    return Job(JobState.GONE if UNKNOWN_JOB in stderr else JobState.UNKNOWN)


def parse_sbatch(output: str) -> str:
    """The job ID in the output of ``sbatch --parsable``: the last line, as login scripts may print before.

    :raises ValueError: there is none.
    """
    lines = output.split("\n")
    match = JOB_ID.fullmatch(lines[-1].strip(" \t\r")) if lines else None
    if not match:
        raise ValueError("no job ID in the output of sbatch")
    return match.group(1)


def sbatch_complaints(stderr: str) -> str:
    """Slurm's own reasons for refusing a job, for the user; empty if it was not Slurm that failed."""
    found = re.findall(r"^sbatch: error: ([ -~]{1,200})$", stderr, re.MULTILINE)
    return " ".join(dict.fromkeys(found))
