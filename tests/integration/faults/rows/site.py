"""A site has rules of its own."""

from __future__ import annotations

from tests.integration.faults.causes import site
from tests.integration.faults.checks import (
    EACH_JOB_IS_ASKED_FOR,
    KERNEL_LIVES,
    NEXT_SERVER_STARTS,
    NO_UNKNOWN_JOB,
    PARTITIONS_ARE_EDITED,
    SECOND_SERVER_IS_USABLE,
    SECOND_SERVER_STARTS,
    SERVER_IS_GONE,
    SERVER_IS_KEPT,
    SITES_WORDS_ARE_SHOWN,
    WORK_GOES_ON,
)
from tests.integration.faults.fault import Fault

ROWS = (
    Fault(
        "partitions-edited",
        "partitions and reservations are edited, then `up`",
        "Slurm has them at once; the notebook goes on",
        site.edits,
        (PARTITIONS_ARE_EDITED, KERNEL_LIVES),
        WORK_GOES_ON,
    ),
    Fault(
        "private-jobs",
        "the service account may not see others' jobs: `PrivateData=jobs`",
        "the hub asks for each job by itself",
        site.private_jobs,
        (EACH_JOB_IS_ASKED_FOR, KERNEL_LIVES, SERVER_IS_KEPT, NEXT_SERVER_STARTS),
        WORK_GOES_ON,
        full=True,
    ),
    Fault(
        "preempted",
        "a job of a partition of higher priority takes every node",
        "the server ends, and another can be started afterwards",
        site.preempts,
        (SERVER_IS_GONE,),
        (NEXT_SERVER_STARTS,),
        full=True,
        ends_work=True,
    ),
    Fault(
        "controller-slow",
        "slurmctld answers half a second in three",
        "everything takes longer, and works",
        site.slow,
        (SERVER_IS_KEPT, SECOND_SERVER_STARTS, SECOND_SERVER_IS_USABLE),
        WORK_GOES_ON,
        full=True,
    ),
    Fault(
        "answer-lost-private-jobs",
        "the connection breaks after the job was accepted, at a site with `PrivateData=jobs`",
        "the job is adopted by its launcher's report, or it ends",
        site.private_jobs_and_lost_answer,
        after=(NO_UNKNOWN_JOB, *WORK_GOES_ON),
        full=True,
    ),
    Fault(
        "refused-by-site",
        "the site's `job_submit/lua` refuses the job",
        "its words are shown, as text",
        site.refuses,
        (SITES_WORDS_ARE_SHOWN,),
        (*WORK_GOES_ON, NO_UNKNOWN_JOB),
        full=True,
    ),
)
