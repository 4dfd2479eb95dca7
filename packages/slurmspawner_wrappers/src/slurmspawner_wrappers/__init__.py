"""Three commands through which a hub reaches Slurm as a user: submit, query and cancel a job.

They take no arguments, so that a sudo rule can name each of them exactly. What they need comes in another
way: the batch script on standard input, the job ID in the environment variable ``SLURMSPAWNER_JOB_ID``. Each
checks its input and then becomes the Slurm command, whose output and exit status are the answer.

They run at every poll of every server, so they import next to nothing (not even typing).
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

JOB_ID_VARIABLE = "SLURMSPAWNER_JOB_ID"

MAX_JOB_ID_DIGITS = 10
"""Slurm's job IDs are unsigned 32-bit numbers."""

QUERY_SECONDS = 20
"""Longest run of squeue and scancel: they retry for ever while Slurm's controller is away."""

SUBMIT_SECONDS = 25
"""Longest run of sbatch."""

OPTION_VARIABLES = ("SBATCH_", "SQUEUE_", "SCANCEL_")
"""Prefixes of the variables that the Slurm commands take as options: they could alter the request."""

EXIT_USAGE = 2
EXIT_NOT_FOUND = 127


def sbatch() -> NoReturn:
    """Submit the batch script on standard input; prints ``JOB_ID[;CLUSTER]``.

    The environment reaches the job if the script says ``#SBATCH --export=ALL``.
    """
    _refuse_arguments()
    _become(["sbatch", "--parsable"], SUBMIT_SECONDS)


def squeue() -> NoReturn:
    """Print ``STATE HOST`` of the job ``$SLURMSPAWNER_JOB_ID``; nothing if it has left the queue."""
    _refuse_arguments()
    _become(["squeue", "-h", "-j", _job_id(), "-o", "%T %B"], QUERY_SECONDS)


def scancel() -> NoReturn:
    """Cancel the job ``$SLURMSPAWNER_JOB_ID``."""
    _refuse_arguments()
    _become(["scancel", _job_id()], QUERY_SECONDS)


def _refuse_arguments() -> None:
    if len(sys.argv) > 1:
        _fail("takes no arguments", EXIT_USAGE)


def _job_id() -> str:
    """The job ID from the environment: ASCII digits alone, so never an option or a list of jobs."""
    value = os.environ.get(JOB_ID_VARIABLE, "")
    if not (value.isascii() and value.isdigit() and len(value) <= MAX_JOB_ID_DIGITS and value[0] != "0"):
        _fail(f"{JOB_ID_VARIABLE} must be a job ID: digits only, not beginning with 0", EXIT_USAGE)
    return value


def _become(command: list[str], seconds: int) -> NoReturn:
    """Replace this process by a command, which SIGALRM ends after some seconds.

    The alarm survives exec, and its default action ends the process: no second process is needed to watch.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OPTION_VARIABLES) and name != JOB_ID_VARIABLE
    }
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec would hand that on
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 (no shell is wanted)
    except OSError as error:
        _fail(f"cannot run {command[0]}: {error.strerror}", EXIT_NOT_FOUND)


def _fail(message: str, status: int) -> NoReturn:
    name = os.path.basename(sys.argv[0]) or "slurmspawner"  # noqa: PTH119 (pathlib is slow to import)
    sys.stderr.write(f"{name}: error: {message}\n")
    sys.exit(status)
