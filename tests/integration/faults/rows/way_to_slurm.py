"""The hub cannot reach Slurm over SSH."""

from __future__ import annotations

from tests.integration.faults.causes import slurm
from tests.integration.faults.causes.processes import killed
from tests.integration.faults.checks import (
    KERNEL_LIVES,
    NO_UNKNOWN_JOB,
    NOT_READY,
    NOTEBOOK_LIVES,
    SERVER_IS_KEPT,
    START_IS_PUT_OFF,
    WORK_GOES_ON,
)
from tests.integration.faults.fault import GOES_ON, Fault

ROWS = (
    Fault(
        "sshd-killed",
        "sshd is killed, with every connection",
        GOES_ON,
        killed("sshd"),
        after=WORK_GOES_ON,
    ),
    Fault(
        "sshd-away",
        "sshd is away, and refuses connections",
        "the hub keeps the server; who starts one is asked to try again",
        slurm.away("sshd"),
        (NOT_READY, KERNEL_LIVES, SERVER_IS_KEPT, START_IS_PUT_OFF),
        (*WORK_GOES_ON, NO_UNKNOWN_JOB),
    ),
    Fault(
        "network-lost",
        "no packet reaches sshd, and no answer comes back",
        "the hub keeps the server; who starts one is asked to try again",
        slurm.network_lost,
        (NOTEBOOK_LIVES, SERVER_IS_KEPT, START_IS_PUT_OFF, NOTEBOOK_LIVES),
        (*WORK_GOES_ON, NO_UNKNOWN_JOB),
        full=True,
    ),
    Fault(
        "host-key-changed",
        "another host key answers at Slurm's address",
        "the hub refuses it and keeps the server; who starts one is asked to try again",
        slurm.other_host_key,
        (NOT_READY, KERNEL_LIVES, SERVER_IS_KEPT, START_IS_PUT_OFF),
        (*WORK_GOES_ON, NO_UNKNOWN_JOB),
    ),
    Fault(
        "client-key-expired",
        "sshd does not accept the hub's key any more",
        "the hub keeps the server; who starts one is asked to try again",
        slurm.client_key_refused,
        (NOT_READY, KERNEL_LIVES, SERVER_IS_KEPT, START_IS_PUT_OFF),
        (*WORK_GOES_ON, NO_UNKNOWN_JOB),
    ),
)
