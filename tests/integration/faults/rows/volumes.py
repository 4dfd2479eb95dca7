"""The volumes are full, or an older version made them."""

from __future__ import annotations

from tests.integration.faults.causes import volumes
from tests.integration.faults.checks import (
    NEXT_SERVER_STARTS,
    NOTEBOOK_LIVES,
    SAYS_THAT_IT_CANNOT,
    SERVER_IS_GONE,
    SIGNED_IN,
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
    Fault(
        "volumes-older",
        "pod and volumes are an older version's, without a checkout's labels; `up` is called",
        "they are adopted, with the files of homes and the hub's users; the server ends with the pod",
        volumes.older,
        after=(SIGNED_IN, SERVER_IS_GONE, NEXT_SERVER_STARTS),
        full=True,
        ends_work=True,
    ),
)
