"""A job is submitted at a bad moment."""

from __future__ import annotations

from tests.integration.faults.causes import slurm, submission
from tests.integration.faults.checks import (
    NO_UNKNOWN_JOB,
    SECOND_SERVER_IS_USABLE,
    SECOND_SERVER_STARTS,
    SIGNED_IN,
    START_IS_PUT_OFF,
    WORK_GOES_ON,
)
from tests.integration.faults.fault import Fault

TRY_AGAIN = "who starts a server is asked to try again, and no job is left"
ADOPTED = "the job becomes the server's"

ROWS = (
    Fault(
        "controller-away-at-submission",
        "slurmctld is away",
        TRY_AGAIN,
        slurm.away("slurmctld"),
        (START_IS_PUT_OFF,),
        (*WORK_GOES_ON, NO_UNKNOWN_JOB),
        full=True,
    ),
    Fault(
        "munge-away-at-submission",
        "munged is away",
        TRY_AGAIN,
        slurm.away("munged"),
        (START_IS_PUT_OFF,),
        (*WORK_GOES_ON, NO_UNKNOWN_JOB),
        full=True,
    ),
    Fault(
        "answer-late",
        "`sbatch` answers 40 s after the job was accepted",
        ADOPTED,
        submission.late_answer,
        (SECOND_SERVER_STARTS, SECOND_SERVER_IS_USABLE),
        WORK_GOES_ON,
        full=True,
    ),
    Fault(
        "answer-lost",
        "the connection breaks after the job was accepted",
        ADOPTED,
        submission.lost_answer,
        (SECOND_SERVER_IS_USABLE,),
        WORK_GOES_ON,
        full=True,
    ),
    Fault(
        "hub-killed-at-submission",
        "the hub is killed after the job was accepted, before the answer has come",
        "the hub, when it is back, cancels the job",
        submission.killed_hub,
        after=(SIGNED_IN, NO_UNKNOWN_JOB, *WORK_GOES_ON),
        full=True,
    ),
)
