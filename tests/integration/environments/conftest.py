"""What the tests of environments with something outside their pod share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from brics_envs.plan.names import DEFAULT_INSTANCE, Instance
from tests.integration.environments.outside import Outside, SlurmHost, outside, start_slurm
from tests.integration.lifecycle.world import World
from tests.integration.real_instance import DEV_USERS


@pytest.fixture(scope="module")
def around(own_world: World, image_suffix: str) -> Iterator[Outside]:
    """A network for hosts outside the pod."""
    directory = own_world.root.parent / "outside"
    directory.mkdir()
    with outside(own_world, directory, image_suffix) as made:
        yield made


@pytest.fixture(scope="session")
def image_suffix() -> str:
    """The tag of the images that the session's builds have."""
    return Instance(os.environ.get("BRICS_TEST_INSTANCE", DEFAULT_INSTANCE)).image_tag("dev")


@pytest.fixture(scope="module")
def slurm_host(around: Outside, image_suffix: str) -> SlurmHost:
    """A Slurm host, outside the pod, for dev_users' users."""
    return start_slurm(around, DEV_USERS, image_suffix)
