"""What a user's job can do with the ports of the pod: take them, or hold connections to them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import yaml

from brics_envs.plan.overlay import the_pod
from brics_envs.plan.ports import container_ports
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

ACCOUNT = "testuser.project1"

COMMON = """
import errno, itertools, json, os, resource, socket, sys, time
ports, report = json.loads(sys.argv[1]), sys.argv[2]
def tell(**what):
    with open(report + ".new", "w") as file:
        json.dump(what, file)
    os.rename(report + ".new", report)
"""

TAKER = (
    COMMON
    + """
PLACES = [(socket.AF_INET, a) for a in ("0.0.0.0", "127.0.0.1", "127.0.0.2")]
PLACES += [(socket.AF_INET6, a) for a in ("::", "::1")]
KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
OPTIONS = [(), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,), (socket.SO_REUSEADDR, socket.SO_REUSEPORT)]
def bound(port, family, address, kind, options):
    with socket.socket(family, kind) as probe:
        for option in options:
            probe.setsockopt(socket.SOL_SOCKET, option, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return errno.errorcode[error.errno]
    return "taken"
rounds, seen = 0, {}
while True:
    for port, (family, address), kind, options in itertools.product(ports, PLACES, KINDS, OPTIONS):
        seen.setdefault(bound(port, family, address, kind, options), set()).add(port)
    rounds += 1
    tell(rounds=rounds, seen={result: sorted(which) for result, which in seen.items()})
    time.sleep(0.02)
"""
)
"""Tries over and over to listen on ports, in every way; reports what came of it."""

CROWD = (
    COMMON
    + """
from concurrent.futures import ThreadPoolExecutor
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = {port: [] for port in ports}
def connect(port, number):
    connection = socket.socket()
    connection.settimeout(5)
    try:
        connection.bind((f"127.0.{1 + number // 200 % 200}.{1 + number % 200}", 0))
        connection.connect(("127.0.0.1", port))
        connection.setblocking(False)
        return connection
    except OSError:
        connection.close()
def lives(connection):
    try:
        return connection.recv(4096) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
tried = 0
with ThreadPoolExecutor(8) as pool:
    while True:
        for port in ports:
            held[port] = [c for c in held[port] if lives(c) or c.close()]
            new = pool.map(connect, itertools.repeat(port), range(tried, tried + 250))
            held[port] += [connection for connection in new if connection]
        tried += 250
        time.sleep(0.5)
        tell(tried=tried, held={port: len(connections) for port, connections in held.items()})
"""
)
"""Holds as many connections without a word as it gets to each port, up to thousands; reports how many it has."""


def ports_of(running: RunningInstance) -> dict[int, str]:
    """The ports that the instance's manifest names, with their names."""
    documents = yaml.safe_load_all((running.directory / "jh_slurm_pod.yaml").read_text())
    return container_ports(the_pod([document for document in documents if document]))


@dataclass(frozen=True)
class Job:
    """A program that runs as a job of a user."""

    running: RunningInstance
    id: str
    report: str

    def told(self) -> dict[str, Any]:
        """What it has reported last; nothing yet: an empty mapping."""
        done = self.running.run("slurm", "cat", self.report)
        told: dict[str, Any] = json.loads(done.stdout or "{}")
        return told


@contextmanager
def job(running: RunningInstance, program: str, ports: list[int]) -> Iterator[Job]:
    """A job of testuser's with this program, cancelled in the end."""
    home = f"/home/project1/{ACCOUNT}"
    report = f"{home}/ports.json"
    running.slurm("rm", "-f", report)
    command = shlex.join(["exec", "python3", "-c", program, json.dumps(ports), report])
    submit = ["sbatch", "--parsable", f"--chdir={home}", "--output=.ports.log", f"--wrap={command}"]
    made = Job(running, running.slurm(*submit, user=ACCOUNT).strip(), report)
    try:
        wait_for(made.told, "the job reports")
        yield made
    finally:
        running.cancel(made.id)


def has_tried(taker: Job, rounds: int) -> bool:
    """Whether a job has tried all its ports more often than that."""
    return bool(taker.told()["rounds"] > rounds)


def assert_nobody_takes(running: RunningInstance, owners: dict[str, Any]) -> None:
    """No port of the manifest can be had by a job, while each of the owners in turn is down.

    :param owners: what is taken down → a context manager that keeps it down.
    """
    ports = ports_of(running)
    free = 8100
    assert free not in ports
    with job(running, TAKER, [*ports, free]) as taker:
        for owner, down in owners.items():
            with down:
                before = taker.told()["rounds"]
                wait_for(partial(has_tried, taker, before + 1), f"all ports are tried without {owner}")
        told = taker.told()
    assert told["seen"]["taken"] == [free], "taken, or the job could take nothing at all"
    assert set(told["seen"]["EACCES"]) == set(ports)
    assert set(told["seen"]) == {"taken", "EACCES"}
