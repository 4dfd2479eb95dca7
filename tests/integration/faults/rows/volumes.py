"""The volumes are full."""

from __future__ import annotations

from tests.integration.faults.causes import volumes
from tests.integration.faults.checks import (
    NEXT_SERVER_STARTS,
    NOTEBOOK_LIVES,
    SAYS_THAT_IT_CANNOT,
    WORK_GOES_ON,
)
from tests.integration.faults.fault import Fault

ROWS = (
    Fault(
        "hub-volume-full",
        "there is no space in the hub's volume, for its database and its log",
        "the hub says that it cannot, and goes on by itself when there is space",
        volumes.full,
        (NOTEBOOK_LIVES, SAYS_THAT_IT_CANNOT),
        (*WORK_GOES_ON, NEXT_SERVER_STARTS),
        full=True,
    ),
)
