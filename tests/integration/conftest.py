"""What integration tests share: one running instance, podman's socket, signed-in users.

Nothing here skips: what is missing fails. For work on the tests themselves the environment may say
``BRICS_TEST_INSTANCE`` (default: the default instance), ``BRICS_TEST_PORT`` (default: 8000) and ``BRICS_TEST_KEEP=1``,
which uses an instance that is up already and leaves it up.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import docker
import pytest

from brics_envs.config.options import DEFAULT_INSTANCE
from brics_envs.plan.names import Instance, parse_instance
from brics_envs.plan.volumes import VOLUMES
from tests.support.checkout import checkout
from tests.support.commands import Measured, invoke, ok
from tests.support.hub_client import HubClient
from tests.support.process_sampler import ProcessSampler
from tests.support.running_instance import UP_DEADLINE_S, RunningInstance, instance_option, podman_service
from tests.support.world import World, world

FIGURES = pytest.StashKey[list[str]]()

KEEP = os.environ.get("BRICS_TEST_KEEP") == "1"
SLOWEST = 25
"""Files whose time is shown at the end, with that of what they set up."""

TEST_DEADLINE_S = 900
"""For the body of any one test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No test hangs for ever. The time of fixtures is theirs: they have deadlines of their own."""
    for item in items:
        if "tests/integration" in item.path.as_posix() and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_DEADLINE_S, func_only=True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what was measured, and where the time went."""
    for figure in config.stash.get(FIGURES, []):
        terminalreporter.write_line(f"measured: {figure}")
    seconds: dict[str, float] = defaultdict(float)
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    for file, taken in sorted(seconds.items(), key=lambda entry: -entry[1])[:SLOWEST]:
        terminalreporter.write_line(f"{taken:6.0f} s  {file}")


@pytest.fixture(scope="session")
def measured(request: pytest.FixtureRequest) -> Measured:
    """Notes a time, with what it is of, to be shown at the end."""
    figures = request.config.stash.setdefault(FIGURES, [])
    return lambda what, seconds: figures.append(f"{what}: {seconds:.1f} s")


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[docker.DockerClient]:
    """docker-py on podman's socket."""
    with podman_service(tmp_path_factory.mktemp("podman")) as client:
        yield client


@pytest.fixture(scope="session")
def sampler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessSampler]:
    """Notes every command line on this machine, those in containers included, from before `up` to the end."""
    with ProcessSampler(tmp_path_factory.mktemp("processes") / "command-lines", interval_s=0.05) as running:
        yield running


@pytest.fixture(scope="session")
def debug_settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A --deploy-dir with which the hub logs all that it can."""
    directory = tmp_path_factory.mktemp("deploy")
    (directory / "deploy.yaml").write_text("logLevel: DEBUG\n")
    return directory


@pytest.fixture(scope="session")
def tested() -> Instance:
    """The instance that the tests of the running pod use, and whose images others use too."""
    return parse_instance(os.environ.get("BRICS_TEST_INSTANCE", DEFAULT_INSTANCE))


@pytest.fixture(scope="session")
def running(
    tested: Instance,
    podman: docker.DockerClient,
    debug_settings: Path,
    measured: Measured,
    request: pytest.FixtureRequest,
) -> Iterator[RunningInstance]:
    """The instance that all tests of the running pod use: brought up as a user would, taken down at the end."""
    if any("sampler" in getattr(item, "fixturenames", ()) for item in request.session.items):
        # Only for those who ask what it has seen: it takes a tenth of a processor, for as long as all tests last.
        request.getfixturevalue("sampler")
    instance = tested
    port = int(os.environ.get("BRICS_TEST_PORT", "8000"))
    if KEEP and (there := ready_already(instance, port, podman)):
        yield there
        return
    if not KEEP:
        refuse_to_harm(podman, instance)
    settings = ("--env", "dev_dummyauth", "--deploy-dir", str(debug_settings))
    option = instance_option(instance)
    began = time.monotonic()
    try:
        done = invoke("up", *settings, *option, "--port", str(port), timeout_s=UP_DEADLINE_S)
        assert done.status == 0, f"`invoke up` failed:\n{done.stdout}\n{done.stderr}"
        measured("up", time.monotonic() - began)
        yield RunningInstance(instance, port, podman, done.stdout + done.stderr)
    finally:
        if not KEEP:
            down = invoke("down", *option)
            assert down.status == 0, f"`invoke down` failed:\n{down.stdout}\n{down.stderr}"


@pytest.fixture(scope="session")
def images(tested: Instance) -> None:
    """The images that `up` would build first, in every development environment.

    They stay, as after any `up` and `down` of the default instance: other instances and worlds find them, and need not
    build them again. From a copy of the checkout, which has users for dev_realauth.
    """
    build = ("build", "--env", "dev_realauth", "--instance", tested.name)
    with checkout() as root:
        done = invoke(*build, timeout_s=UP_DEADLINE_S, cwd=root)
    assert done.status == 0, f"`invoke build` failed:\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def own_world(images: None) -> Iterator[World]:
    """A world for one module."""
    with world(with_images=True) as made:
        yield made


def ready_already(instance: Instance, port: int, podman: docker.DockerClient) -> RunningInstance | None:
    """The instance as it runs, if it is ready."""
    status = json.loads(ok(invoke("status", "--instance", instance.name, "--json")).stdout)
    (one,) = status["instances"]
    return RunningInstance(instance, port, podman, "") if one["state"] == "ready" else None


def refuse_to_harm(podman: docker.DockerClient, instance: Instance) -> None:
    """Fail rather than take down, with its volumes, an instance that somebody uses."""
    volumes = {volume.name for volume in podman.volumes.list()}
    used = sorted(volumes & {instance.named(name) for name in VOLUMES})
    assert not used, f"volumes {', '.join(used)} exist: the tests would remove them; `invoke down` first"


@pytest.fixture
def testuser(running: RunningInstance) -> Iterator[HubClient]:
    """testuser, signed in, with two projects; has no server before and after."""
    yield from signed_in(running, "testuser")


@pytest.fixture
def otheruser(running: RunningInstance) -> Iterator[HubClient]:
    """otheruser, signed in, with one project; has no server before and after."""
    yield from signed_in(running, "otheruser")


def signed_in(running: RunningInstance, user: str) -> Iterator[HubClient]:
    """A signed-in user without a server, whose server is stopped at the end."""
    client = running.client(user)
    client.stop()
    yield client
    client.stop()
