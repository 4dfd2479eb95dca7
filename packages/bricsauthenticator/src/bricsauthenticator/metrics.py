"""Metrics of the batch system's commands, which the hub serves at ``/hub/metrics``. Imports: commands, slurm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

from bricsauthenticator.commands import CommandError
from bricsauthenticator.slurm import UNKNOWN_JOB

COMMANDS = ("submit", "query", "cancel", "list", "queue", "watch", "cluster")
REASONS = {None: "timeout", 124: "timeout", 255: "ssh"}
"""Exit status (None: it was killed) → why a command failed; by any other one: the command itself (``command``)."""

DURATION = Histogram(
    "brics_slurm_command_duration_seconds",
    "Time that a command of the batch system takes, all the way there and back",
    ["command"],
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
FAILURES = Counter(
    "brics_slurm_command_failures",
    "Commands of the batch system that failed, by reason: SSH, time-out, or the command itself",
    ["command", "reason"],
)
# From the hub's start on: a rate needs a first value.
for _command in COMMANDS:
    DURATION.labels(_command)
    for _reason in ("timeout", "ssh", "command"):
        FAILURES.labels(_command, _reason)


@contextmanager
def timed(command: str) -> Iterator[None]:
    """Measure what is done inside, and count its :class:`CommandError`.

    :param command: one of :data:`COMMANDS`.
    """
    began = time.monotonic()
    try:
        yield
    except CommandError as error:
        # Of a job that the controller has forgotten squeue says so by failing.
        if UNKNOWN_JOB not in error.stderr:
            FAILURES.labels(command, REASONS.get(error.status, "command")).inc()
        raise
    finally:
        DURATION.labels(command).observe(time.monotonic() - began)
