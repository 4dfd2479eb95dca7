"""One pod for the whole table: dev_realauth, which has every container, with a user at work."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from tests.integration.faults.scene import Scene
from tests.support.checkout import checkout
from tests.support.real_instance import brought_up


@pytest.fixture(scope="module")
def scene(podman: docker.DockerClient, images: None) -> Iterator[Scene]:
    """The pod, brought up as a user would and taken down at the end."""
    with (
        checkout() as root,
        brought_up(podman, root, "dev_realauth", "faults", kept_port=8110, direct=True) as instance,
    ):
        yield Scene(instance)
