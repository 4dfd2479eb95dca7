"""The hub, its proxy, the sign-in proxy and the issuer are killed and frozen."""

from __future__ import annotations

from tests.integration.faults.causes.processes import frozen, killed
from tests.integration.faults.checks import (
    NOTEBOOK_LIVES,
    SECOND_USER_SIGNS_IN,
    WORK_GOES_ON,
)
from tests.integration.faults.fault import GOES_ON, WAITS, Fault

ROWS = (
    Fault(
        "hub-killed",
        "the hub is killed",
        f"{GOES_ON}, connected all the time",
        killed("jupyterhub"),
        (NOTEBOOK_LIVES,),
        WORK_GOES_ON,
    ),
    Fault(
        "hub-frozen",
        "the hub is frozen for 3 s",
        f"{WAITS}, and notebooks stay connected",
        frozen("jupyterhub", 3),
        (NOTEBOOK_LIVES,),
        WORK_GOES_ON,
    ),
    Fault(
        "proxy-killed",
        "configurable-http-proxy is killed",
        "comes back with every route; the notebook connects again",
        killed("configurable-http-proxy"),
        after=WORK_GOES_ON,
    ),
    Fault(
        "proxy-frozen",
        "configurable-http-proxy is frozen for 3 s",
        f"{WAITS}, and notebooks stay connected",
        frozen("configurable-http-proxy", 3),
        after=(NOTEBOOK_LIVES, *WORK_GOES_ON),
    ),
    Fault(
        "sign-in-proxy-killed",
        "Apache is killed, with every connection",
        "comes back; users stay signed in, and the notebook connects again",
        killed("apache2"),
        after=WORK_GOES_ON,
    ),
    Fault(
        "sign-in-proxy-frozen",
        "Apache is frozen for 3 s",
        f"{WAITS}, and notebooks stay connected",
        frozen("apache2", 3),
        after=(NOTEBOOK_LIVES, *WORK_GOES_ON),
    ),
    Fault(
        "issuer-killed",
        "the issuer is killed",
        f"{GOES_ON}, connected all the time; users sign in again",
        killed("issuer"),
        (NOTEBOOK_LIVES,),
        (*WORK_GOES_ON, SECOND_USER_SIGNS_IN),
    ),
    Fault(
        "issuer-frozen",
        "the issuer is frozen for 3 s",
        f"{GOES_ON}, connected all the time; users sign in again",
        frozen("issuer", 3),
        (NOTEBOOK_LIVES,),
        (*WORK_GOES_ON, SECOND_USER_SIGNS_IN),
    ),
)
