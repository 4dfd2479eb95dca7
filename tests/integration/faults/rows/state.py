"""The hub's database, and the space in homes."""

from __future__ import annotations

from tests.integration.faults.causes import state
from tests.integration.faults.checks import (
    FULL_HOME_IS_NAMED,
    KERNEL_LIVES,
    NO_UNKNOWN_JOB,
    NOTEBOOK_LIVES,
    WORK_GOES_ON,
)
from tests.integration.faults.fault import WAITS, Fault

ROWS = (
    Fault(
        "database-locked",
        "another process holds the hub's database for 3 s",
        WAITS,
        state.locked(3),
        (NOTEBOOK_LIVES,),
        WORK_GOES_ON,
    ),
    Fault(
        "database-locked-long",
        "another process holds the hub's database for 15 s",
        "the hub says that it cannot answer, and goes on afterwards",
        state.locked(15),
        (NOTEBOOK_LIVES,),
        WORK_GOES_ON,
        full=True,
    ),
    Fault(
        "database-older",
        "the hub starts with a database of an older schema",
        "it is given the new one; a copy stays beside it",
        state.older_schema,
        (NOTEBOOK_LIVES,),
        WORK_GOES_ON,
    ),
    Fault(
        "home-full",
        "there is no space in another user's home",
        "who starts a server there is told so, and no job is left",
        state.home_full,
        (KERNEL_LIVES, FULL_HOME_IS_NAMED),
        (*WORK_GOES_ON, NO_UNKNOWN_JOB),
    ),
)
