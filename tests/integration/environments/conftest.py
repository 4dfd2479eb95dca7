"""What the tests of environments with something outside their pod share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brics_envs.plan.names import Instance
from tests.support.checkout import DEV_USERS
from tests.support.outside_hosts import Outside, SlurmHost, outside, start_slurm
from tests.support.world import World


@pytest.fixture(scope="module")
def around(own_world: World, tested: Instance) -> Iterator[Outside]:
    """A network for hosts outside the pod."""
    directory = own_world.root.parent / "outside"
    directory.mkdir()
    with outside(own_world, directory, tested.image_tag("dev")) as made:
        yield made


@pytest.fixture(scope="module")
def slurm_host(around: Outside) -> SlurmHost:
    """A Slurm host, outside the pod, for dev_users' users."""
    return start_slurm(around, DEV_USERS)
