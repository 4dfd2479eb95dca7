"""What the life cycle's tests share: a world of their own, with the images of the project's checkout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from brics_envs.plan.names import Instance
from tests.support.ports import free_port
from tests.support.world import One, World, world

DEADLINE_S = 1500
"""For the body of any one test: some build images."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests more time than the others of the integration session."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(DEADLINE_S, func_only=True))


@pytest.fixture(scope="session")
def shared_world(images: None) -> Iterator[World]:
    """A world for all tests that leave nothing running and the copy of the checkout as it was."""
    with world(with_images=True) as made:
        yield made


@pytest.fixture(scope="module")
def one(own_world: World) -> Iterator[One]:
    """An instance for one module, not up yet; taken down in the end."""
    made = One(own_world, Instance("lc-one"), free_port())
    yield made
    own_world.invoke("down", "--all")
