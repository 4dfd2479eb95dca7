"""The pod's owner, or somebody else on the machine, does something to it."""

from __future__ import annotations

import signal

from tests.integration.faults.causes import owner
from tests.integration.faults.checks import (
    NEXT_SERVER_STARTS,
    NOTEBOOK_LIVES,
    SAME_CONTAINERS,
    SERVER_IS_GONE,
    SIGNED_IN,
    WORK_GOES_ON,
)
from tests.integration.faults.fault import Fault

NOTHING_ENDS = "nothing ends"

ROWS = (
    Fault(
        "pod-restarted",
        "the pod is stopped and started, as when the machine is",
        "jobs end, and the hub knows; users stay signed in and start others",
        owner.pod_restarted,
        after=(SIGNED_IN, SERVER_IS_GONE, SAME_CONTAINERS, NEXT_SERVER_STARTS),
        full=True,
        ends_work=True,
    ),
    Fault(
        "build-removed",
        "the instance's folder below `_build` is removed, and `up` called",
        f"`up` makes it again, with the same secrets; {NOTHING_ENDS}",
        owner.generated_files_removed,
        (NOTEBOOK_LIVES,),
        WORK_GOES_ON,
    ),
    Fault(
        "images-removed",
        "the images lose their names, and `up` is called",
        f"`up` makes them again; {NOTHING_ENDS}",
        owner.images_removed,
        (NOTEBOOK_LIVES,),
        WORK_GOES_ON,
        full=True,
    ),
    Fault(
        "two-ups",
        "`up` is called twice at the same time",
        f"one waits for the other; {NOTHING_ENDS}",
        owner.two_at_once,
        (NOTEBOOK_LIVES,),
        WORK_GOES_ON,
        full=True,
    ),
    *(
        Fault(
            f"up-{number.name.lower()}",
            f"`up` gets {number.name}",
            f"it ends at once; {NOTHING_ENDS}",
            owner.signalled(number),
            (NOTEBOOK_LIVES,),
            WORK_GOES_ON,
            full=number is not signal.SIGTERM,
        )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ),
    *(
        Fault(
            f"foreign-{kind}",
            f"a {kind} of somebody else has a name that `up` of another instance would use",
            f"`up` refuses and leaves it alone; {NOTHING_ENDS}",
            owner.foreign(kind),
            (NOTEBOOK_LIVES,),
            full=kind != "volume",
        )
        for kind in owner.FOREIGN
    ),
)
