"""A server, or a part of its job, is killed or frozen."""

from __future__ import annotations

from tests.integration.faults.causes import hub
from tests.integration.faults.causes.processes import frozen, killed
from tests.integration.faults.checks import NO_PROCESS_LEFT, SERVER_IS_GONE, SIGNED_IN, WORK_GOES_ON
from tests.integration.faults.fault import WAITS, Fault

GONE = (SIGNED_IN, SERVER_IS_GONE, NO_PROCESS_LEFT)
TOGETHER = "server and job end together, and nothing of them is left"

ROWS = (
    Fault(
        "server-frozen",
        "the notebook server is frozen for 3 s",
        WAITS,
        frozen("jupyterhub-singleuser", 3),
        after=WORK_GOES_ON,
    ),
    Fault(
        "server-frozen-hub-killed",
        "the hub is killed while the notebook server does not answer",
        "the hub keeps the server, whose job runs, and its route is back when it answers",
        hub.killed_while_server_is_silent,
        after=WORK_GOES_ON,
        full=True,
    ),
    Fault(
        "stopped-after-hub-killed",
        "the hub is killed, and then the server stopped",
        "the job ends, and the server's own token counts no more",
        hub.killed_before_stop,
        (SERVER_IS_GONE,),
        (SIGNED_IN, NO_PROCESS_LEFT),
        ends_work=True,
    ),
    Fault(
        "server-killed",
        "the notebook server is killed",
        TOGETHER,
        killed("jupyterhub-singleuser", comes_back=False),
        after=GONE,
        ends_work=True,
    ),
    Fault(
        "launcher-killed",
        "the launcher of the notebook server is killed",
        TOGETHER,
        killed("launcher", comes_back=False),
        after=GONE,
        ends_work=True,
    ),
    Fault(
        "slurmstepd-killed",
        "Slurm's own process of the job is killed",
        TOGETHER,
        killed("slurmstepd", comes_back=False),
        after=GONE,
        full=True,
        ends_work=True,
    ),
)
