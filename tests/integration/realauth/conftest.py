"""One instance of dev_realauth for all tests of the real sign-in, with JupyterHub's own port published too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.support.checkout import DEV_USERS, checkout
from tests.support.real_instance import RealClient, RealInstance, brought_up

MANY_PROJECTS = [f"p{number:02}-a-long-project-name" for number in range(70)]
MANY = "many"
"""A user with 70 projects, whose names are as long as Linux allows."""

MOST_PROJECTS = [f"p{number:03}-a-long-project-name" for number in range(160)]
MOST = "most"
"""A user whose token has 32 KiB."""

KEYS_KEPT_S = 20
"""For as long the hub keeps the issuer's keys; three times as long where nothing is set."""

SETTINGS = f"logLevel: DEBUG\njwksMaxAgeSeconds: {KEYS_KEPT_S}\n"


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    """A copy of the checkout, with its dev_users and a hub that logs all that it can and keeps keys for less long."""
    lines = "".join(f"{MANY}.{project}\n" for project in MANY_PROJECTS)
    lines += "".join(f"{MOST}.{project}\n" for project in MOST_PROJECTS)
    with checkout(DEV_USERS + lines) as copy:
        (copy / "config/dev_realauth/deploy.local.yaml").write_text(SETTINGS)
        yield copy


@pytest.fixture(scope="session")
def real(podman: docker.DockerClient, images: None, root: Path) -> Iterator[RealInstance]:
    """dev_realauth, brought up as a user would and taken down at the end."""
    with brought_up(podman, root, "dev_realauth", "realauth", kept_port=8034, direct=True) as instance:
        yield instance


@pytest.fixture
def testuser(real: RealInstance) -> Iterator[RealClient]:
    """testuser, signed in at the provider; has no server before and after."""
    client = real.client("testuser")
    client.stop()
    yield client
    # A test may have ended the session.
    real.client("testuser").stop()
