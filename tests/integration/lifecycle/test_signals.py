"""SIGINT, SIGTERM and SIGHUP at random moments: a quick end, nothing left, and `up` and `down` work afterwards.

``BRICS_TEST_SEED`` repeats the moments of an earlier run; ``BRICS_TEST_SIGNALS`` says how many there are.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from brics_envs.config.repos import REPOSITORIES
from brics_envs.plan.names import Instance
from tests.support.commands import Measured
from tests.support.git_repositories import make_package
from tests.support.ports import free_port
from tests.support.signals import Interrupter
from tests.support.waiting import wait_for
from tests.support.world import One, World, world

SEED = int(os.environ.get("BRICS_TEST_SEED") or random.randrange(2**32))  # noqa: S311
SIGNALS = int(os.environ.get("BRICS_TEST_SIGNALS") or 15)
KILLS = 5
EVERY = 8
"""After so many interrupted runs comes one to the end."""

KILLED_S = 10.0
"""Seconds in which all that a killed command had started is gone."""

CONTAINERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
ARG NUMBER
ENV %s
COPY . /context
RUN echo "${NUMBER}" >/number && sleep 0.2
RUN --mount=type=bind,target=/bound cat /bound/file && sleep 0.2
RUN (setsid sleep 0.4 & sleep 0.3; wait) && touch /done
"""

INVOKE = (sys.executable, "-m", "invoke")
SMALL = (*INVOKE, "--search-root", "tests/support", "-c", "small_environment")


@pytest.fixture
def small_world(images: None) -> Iterator[World]:
    """A world with what the small environment is made of."""
    with world(with_images=True, name="sig") as made:
        for name in REPOSITORIES:
            (made.root / "small").mkdir(exist_ok=True)
            make_package(made.root / "small" / name, name, name)
        made.write("small/context/file", "content\n")
        yield made


@pytest.fixture
def small(small_world: World) -> Interrupter:
    """Its `up`, which can be interrupted."""
    interrupter = Interrupter(small_world, (*SMALL, "up"), SEED)
    small_world.write("small/Containerfile", CONTAINERFILE % interrupter.mark)
    return interrupter


def down(own: World, interrupter: Interrupter) -> None:
    """Take the small environment down; nothing is left."""
    subprocess.run([*SMALL, "down"], cwd=own.root, env=interrupter.environment, check=True, timeout=300)
    now = own.things()
    assert not now.pods
    assert not now.containers
    assert not now.volumes
    assert interrupter.left() == []


@pytest.mark.timeout(7200, func_only=True)
@pytest.mark.parametrize("count", [SIGNALS, pytest.param(200, marks=pytest.mark.full)])
def test_a_small_environment(small_world: World, small: Interrupter, measured: Measured, count: int) -> None:
    print(f"seed {SEED}")
    measured("the small environment, not interrupted", small.run())
    number = 0
    while len(small.ends.seconds) < count:
        number += 1
        small.interrupt()
        print(f"{number}: status {small.ends.statuses[-1]}, {small.ends}", flush=True)
        if number % EVERY == 0:
            small.run()
            down(small_world, small)
            for name in REPOSITORIES:
                subprocess.run(["rm", "-rf", small_world.root / "_dev_build_data" / name], check=True)
    small.run()
    down(small_world, small)
    measured(f"longest end of {count} (seed {SEED}): {small.ends}", max(small.ends.seconds))


@pytest.mark.parametrize("count", [KILLS, pytest.param(4 * KILLS, marks=pytest.mark.full)])
def test_killed(small_world: World, small: Interrupter, count: int) -> None:
    """SIGKILL: what it had started goes too, with its files; what podman keeps goes with the next command."""
    print(f"seed {SEED}")
    longest = small.run()
    for _ in range(count):
        process = subprocess.Popen([*SMALL, "up"], cwd=small_world.root, env=small.environment)
        time.sleep(small.random.uniform(0, longest))
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for(
            lambda: not [thing for thing in small.left() if not thing.endswith(" buildah")],
            "nothing left",
            deadline_s=KILLED_S,
        )
    small.run()
    down(small_world, small)


@pytest.mark.full
@pytest.mark.timeout(7200, func_only=True)
def test_the_real_up(images: None, measured: Measured) -> None:
    """Ten signals, while images are built, too."""
    print(f"seed {SEED}")
    with world(with_images=True, name="sig") as own:
        one = One(own, Instance("lc-signals"), free_port())
        interrupter = Interrupter(own, (*INVOKE, "up", *one.options), SEED)
        interrupter.run()
        number = 0
        while len(interrupter.ends.seconds) < 10:
            number += 1
            if number % 2:
                source = "packages/bricsauthenticator/src/bricsauthenticator/__init__.py"
                own.write(source, (own.root / source).read_text() + f"# {number}\n")
            else:
                one.down()
            interrupter.interrupt()
            print(f"{number}: {interrupter.ends}", flush=True)
            if number % 3 == 2:
                interrupter.run()
                assert one.client().signed_in
        one.down()
        now = own.things()
        assert not now.pods | now.volumes | now.secrets | now.containers
        assert interrupter.left() == []
        measured(f"longest end of 10 (seed {SEED}): {interrupter.ends}", max(interrupter.ends.seconds))
