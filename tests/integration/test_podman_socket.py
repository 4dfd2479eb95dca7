"""podman's socket: no output is lost, and the variables that say where it is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from brics_envs.effects import process
from brics_envs.effects.containers import execute
from tests.support.commands import invoke, ok
from tests.support.running_instance import RunningInstance, podman_service
from tests.support.waiting import wait_for

TIMES = 100
"""docker-py's own exec_start loses the output of about one command in a hundred that ends at once."""


@pytest.fixture
def service() -> Iterator[None]:
    """End what the product code has started in this process."""
    yield
    process.end()


@pytest.mark.usefixtures("service")
def test_the_output_of_short_commands_is_whole(running: RunningInstance) -> None:
    for number in range(TIMES):
        status = number % 7
        program = f"echo out {number}; echo err {number} >&2; exit {status}"
        done = execute(running.instance.container("slurm"), "sh", "-c", program, timeout_s=60)
        assert (done.stdout, done.stderr, done.status) == (f"out {number}\n", f"err {number}\n", status)


@pytest.mark.usefixtures("service")
def test_a_command_with_an_input_ends_with_who_listens(running: RunningInstance) -> None:
    began = time.monotonic()
    container = running.instance.container("slurm")
    done = execute(container, "sh", "-c", "cat; exit 3", timeout_s=2, options={"stdin": True})
    assert (done.status, "did not answer within 2 s" in done.stderr) == (125, True)
    assert time.monotonic() - began < 30
    process.end()
    wait_for(lambda: "cat; exit 3" not in running.slurm("ps", "-eo", "args"), "the command ends")


@pytest.mark.parametrize("variable", ["CONTAINER_HOST", "DOCKER_HOST"])
def test_a_variable_says_where_podman_is(running: RunningInstance, tmp_path: Path, variable: str) -> None:
    with podman_service(tmp_path):
        environment = {**os.environ, variable: f"unix://{tmp_path / 'podman.sock'}"}
        assert "ready" in ok(invoke("status", *running.option, environment=environment)).stdout
        # Its commands go there, too.
        program = "echo $((6 * 7)); exit\n"
        assert ok(invoke("shell", *running.option, stdin=program, environment=environment)).stdout == "42\n"
    gone = invoke("status", *running.option, environment=environment)
    assert gone.status == 1
    assert gone.stderr.startswith(f"error: no podman answers at unix://{tmp_path}")
