"""How long a server takes from the form to ready, and to stop, for one user and for many at once.

All of them have a place: the nodes' processors are overcommitted as far as that needs.
"""

from __future__ import annotations

import math
import os
import re
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import requests

from brics_envs.plan.names import Instance
from tests.benchmarks.figures import Curve, Figure, Outcome
from tests.support.hub_client import HubClient
from tests.support.ports import free_port
from tests.support.world import One, World

CROWDS = (1, 2, 5, 10, 20, 50)
SINGLE_ROUNDS = 10
SIGN_INS_AT_ONCE = 8
BLOCKED = "jupyterhub_event_loop_interval_seconds_bucket"


def measure(own: World) -> Outcome:
    """Measure one after the other and at once."""
    users = [f"user{number}" for number in range(1, CROWDS[-1] + 1)]
    own.write("config/dev_dummyauth/dev_users", "".join(f"{user}.project1\n" for user in users))
    overcommit = math.ceil(CROWDS[-1] / len(os.sched_getaffinity(0)))
    own.write("config/dev_dummyauth/deploy.local.yaml", f"slurmCpuOvercommit: {overcommit}\n")
    one = One(own, Instance("bench"), free_port())
    one.up()
    try:
        password = (one.directory / "password").read_text()
        began = time.monotonic()
        with ThreadPoolExecutor(SIGN_INS_AT_ONCE) as at_once:
            clients = list(at_once.map(lambda user: signed_in(one, user, password), users))
        sign_in = (time.monotonic() - began) / len(users)
        singles = [start_and_stop(clients[:1]) for _ in range(SINGLE_ROUNDS)]
        before = loop_intervals(one)
        crowds = [start_and_stop(clients[:number]) for number in CROWDS]
        longest = longest_interval(before, loop_intervals(one))
    finally:
        one.down()
    return outcome(sign_in, singles, crowds, longest)


def signed_in(one: One, user: str, password: str) -> HubClient:
    """A browser session of a user who has just signed in."""
    client = HubClient(one.url)
    page = client.sign_in(user, password)
    assert page.status_code == 200, f"{user} cannot sign in: {page.status_code}"
    return client


Times = tuple[list[float], float]
"""Seconds from the form to ready of each user, and seconds until all servers are stopped."""


def start_and_stop(clients: Sequence[HubClient]) -> Times:
    """Start the servers of these users at once, and when all are ready, stop them at once."""
    with ThreadPoolExecutor(len(clients)) as at_once:
        starts = list(at_once.map(HubClient.start, clients))
        began = time.monotonic()
        # Not so often that looking is what the hub is busy with.
        list(at_once.map(lambda client: client.stop(0.02 * len(clients)), clients))
    return starts, time.monotonic() - began


def loop_intervals(one: One) -> dict[float, float]:
    """JupyterHub's own metric: how often its event loop came round within so many seconds, and in all."""
    token = (one.directory / "metrics_token").read_text().strip()
    answer = requests.get(f"{one.url}hub/metrics", headers={"Authorization": f"token {token}"}, timeout=60)
    answer.raise_for_status()
    found = re.findall(rf'^{BLOCKED}{{le="([^"]+)"}} (\S+)', answer.text, re.MULTILINE)
    return {float(bound): float(count) for bound, count in found}


def longest_interval(before: dict[float, float], after: dict[float, float]) -> float:
    """The least of the metric's bounds within which the event loop always came round in between."""
    new = {bound: after[bound] - before.get(bound, 0) for bound in after}
    return min(bound for bound, count in new.items() if count == new[math.inf])


def outcome(sign_in: float, singles: Sequence[Times], crowds: Sequence[Times], longest: float) -> Outcome:
    """Figures of single servers and of the largest crowd, and the curve of all crowds.

    :param sign_in: seconds for each of many.
    """
    start = statistics.median(starts[0] for starts, _ in singles)
    medians = [statistics.median(starts) for starts, _ in crowds]
    slowest = [percentile_95(starts) for starts, _ in crowds]
    many = CROWDS[-1]
    figures = [
        Figure("a sign-in, many one after the other", sign_in, "s", goal=0.037),
        Figure("start of a server", start, "s"),
        Figure("stop of a server", statistics.median(stop for _, stop in singles), "s", goal=1),
        Figure(f"start of {many} servers at once, median", medians[-1], "s"),
        Figure(f"start of {many} at once, 95th percentile", slowest[-1] / medians[-1], "", "the median", 3),
        Figure(f"stop of {many} at once", crowds[-1][1], "s", goal=15),
        Figure("hub's event loop comes round within", longest, "s", goal=0.5),
    ]
    lines = {"median": medians, "95th percentile": slowest}
    curve = Curve("crowd", "Seconds from the form to ready", "users at once", CROWDS, lines)
    return Outcome(figures, [curve])


def percentile_95(values: Sequence[float]) -> float:
    """The value below which 95 % of the values are, or that is one of them."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
