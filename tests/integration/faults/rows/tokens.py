"""Tokens expire, clocks differ, and the issuer's key is another."""

from __future__ import annotations

from tests.integration.faults.causes import tokens
from tests.integration.faults.checks import NOTEBOOK_LIVES, SECOND_USER_SIGNS_IN, WORK_GOES_ON
from tests.integration.faults.fault import Fault

REFUSED = "the hub refuses it; whoever is signed in stays so"

ROWS = (
    Fault(
        "signing-key-rotated",
        "the issuer's signing key is another, and the old one is withdrawn",
        "users sign in with the new one; whoever is signed in stays so",
        tokens.new_signing_key,
        (NOTEBOOK_LIVES, SECOND_USER_SIGNS_IN),
        WORK_GOES_ON,
    ),
    Fault(
        "token-expired",
        "a token comes that expired a minute ago",
        REFUSED,
        tokens.shown(401, iat=-3600, exp=-60),
        after=WORK_GOES_ON,
    ),
    Fault(
        "clock-ahead",
        "a token comes from a machine whose clock is a minute ahead",
        REFUSED,
        tokens.shown(401, iat=60, nbf=60, exp=3600),
        after=WORK_GOES_ON,
    ),
    Fault(
        "clock-slightly-ahead",
        "a token comes from a machine whose clock is 2 s ahead",
        "the hub takes it",
        tokens.shown(302, iat=2, nbf=2, exp=3600),
        after=WORK_GOES_ON,
    ),
)
