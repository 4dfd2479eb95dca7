"""A site has rules of its own."""

from __future__ import annotations

from tests.integration.faults.causes import site
from tests.integration.faults.checks import (
    NO_UNKNOWN_JOB,
    SITES_WORDS_ARE_SHOWN,
    WORK_GOES_ON,
)
from tests.integration.faults.fault import Fault

ROWS = (
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
