"""Compare a cold `invoke up` (empty storage) with building the same images one after the other, in turn.

Each has a podman storage of its own, removed in the end; takes some minutes.
"""

from __future__ import annotations

import subprocess
import sys
import time

from brics_envs.plan.names import Instance
from tests.benchmarks.figures import Figure, Outcome
from tests.support.ports import free_port
from tests.support.world import One, World, world

ONE_AFTER_THE_OTHER = """
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from brics_envs.config.environment import load_environment
from brics_envs.lifecycle import build, images, prepare
from brics_envs.plan.names import Instance
images.ThreadPoolExecutor = lambda max_workers=1: ThreadPoolExecutor(1)
environment = load_environment(Path.cwd(), "dev_dummyauth")
build.build(prepare.UpOptions(environment, Instance("bench"), 8070, "local", (), None, None, False))
"""


def up_in(own: World) -> None:
    """Bring an instance up from nothing."""
    One(own, Instance("bench"), free_port()).up("--base", "local")


def build_in(own: World) -> None:
    """Build its images, one after the other."""
    command = [sys.executable, "-c", ONE_AFTER_THE_OTHER]
    subprocess.run(command, check=True, cwd=own.root, env=dict(own.environment), capture_output=True)


def measure(_: World) -> Outcome:
    """Measure both."""
    seconds = []
    for action in (up_in, build_in):
        with world(with_images=False, name="bench") as own:
            began = time.monotonic()
            action(own)
            seconds.append(time.monotonic() - began)
    up, builds = seconds
    return Outcome(
        [
            Figure("cold up", up, "s"),
            Figure("cold up", up / builds, compared_with="its images built one after the other"),
        ]
    )
