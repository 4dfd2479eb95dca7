"""What the life cycle's tests share: a world of their own, with the images of the project's checkout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from brics_envs.plan.names import DEFAULT_INSTANCE, Instance
from tests.integration.git_repositories import free_port
from tests.integration.lifecycle.world import One, World, world
from tests.integration.running_instance import UP_DEADLINE_S, invoke

DEADLINE_S = 1500
"""For the body of any one test: some build images."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests more time than the others of the integration session."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(DEADLINE_S, func_only=True))


@pytest.fixture(scope="session")
def images() -> None:
    """The images that `up` would build first; kept, as after any `up` and `down` of the default instance."""
    instance = os.environ.get("BRICS_TEST_INSTANCE", DEFAULT_INSTANCE)
    done = invoke("build", "--env", "dev_dummyauth", "--instance", instance, timeout_s=UP_DEADLINE_S)
    assert done.status == 0, f"`invoke build` failed:\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="session")
def shared_world(images: None) -> Iterator[World]:
    """A world for all tests that leave nothing running and the copy of the checkout as it was."""
    with world(with_images=True) as made:
        yield made


@pytest.fixture(scope="module")
def own_world(images: None) -> Iterator[World]:
    """A world for one module."""
    with world(with_images=True) as made:
        yield made


@pytest.fixture(scope="module")
def one(own_world: World) -> Iterator[One]:
    """An instance for one module, not up yet; taken down in the end."""
    made = One(own_world, Instance("lc-one"), free_port())
    yield made
    own_world.invoke("down", "--all")
