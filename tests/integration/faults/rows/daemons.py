"""Slurm's daemons are killed and frozen."""

from __future__ import annotations

from tests.integration.faults.causes import slurm
from tests.integration.faults.causes.processes import frozen, killed
from tests.integration.faults.checks import KERNEL_LIVES, NEXT_SERVER_STARTS, NO_UNKNOWN_JOB, WORK_GOES_ON
from tests.integration.faults.fault import GOES_ON, WAITS, Fault

ROWS = (
    Fault("munged-killed", "munged is killed", GOES_ON, killed("munged"), after=WORK_GOES_ON),
    Fault(
        "munged-frozen",
        "munged is frozen for 5 s",
        WAITS,
        frozen("munged", 5),
        (KERNEL_LIVES,),
        WORK_GOES_ON,
    ),
    Fault(
        "slurmctld-killed",
        "slurmctld is killed",
        f"{GOES_ON}, and Slurm runs the next job",
        slurm.controller_killed,
        after=(*WORK_GOES_ON, NEXT_SERVER_STARTS),
    ),
    Fault(
        "slurmctld-killed-after-a-job",
        "slurmctld is killed just after a job has ended, before it has saved that",
        "the job does not show as running until its time is up",
        slurm.killed_after_a_job,
        after=(*WORK_GOES_ON, NO_UNKNOWN_JOB),
    ),
    Fault(
        "slurmctld-frozen",
        "slurmctld is frozen for 5 s",
        WAITS,
        frozen("slurmctld", 5),
        (KERNEL_LIVES,),
        WORK_GOES_ON,
    ),
    Fault(
        "slurmd-killed",
        "slurmd is killed",
        f"{GOES_ON}, and Slurm runs the next job",
        killed("slurmd"),
        after=(*WORK_GOES_ON, NEXT_SERVER_STARTS),
    ),
    Fault(
        "slurmd-frozen",
        "slurmd is frozen for 5 s",
        WAITS,
        frozen("slurmd", 5),
        (KERNEL_LIVES,),
        WORK_GOES_ON,
    ),
)
