"""What the tests share: an issuer, and a hub that it belongs to."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # for the helpers beside this file

from real_hub import Browser, Hub, MakeHub
from stand_in_issuer import Issuer, project_claim

SCRIPT = """
c.BricsSlurmSpawner.batch_script = '''#!/bin/bash
# {{username}} {{homedir}} {{project}} {{project_key}}
# runtime={{runtime}} ngpus={{ngpus}} partition={{partition}} reservation={{reservation}}
# gpu_type={{gpu_type}} account={{account}} qos={{qos}}
test ! -e $STAND_IN_SLURM/die || exit 1
exec {{cmd}}
'''
"""

# A machine that is busy with other things is no reason for a test to fail.
settings.register_profile("packages", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("packages")

JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    """An issuer whose state tests leave as they found it."""
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture(scope="module")
def make_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeHub]:
    """Starts hubs and ends them, with their jobs, after the module; none may have logged a token."""
    hubs: list[Hub] = []

    def make(issuer: Issuer, config: str = "", **arguments: str) -> Hub:
        hub = Hub(Path(tmp_path_factory.mktemp("hub")), issuer, SCRIPT + config, **arguments)
        hubs.append(hub)
        hub.start()
        return hub

    yield make
    for hub in hubs:
        hub.kill()
        hub.end_jobs()
    for hub in hubs:
        assert not JWT.search(hub.log.read_text())


@pytest.fixture(scope="module")
def hub(make_hub: MakeHub, issuer: Issuer) -> Hub:
    """A running hub."""
    return make_hub(issuer)


@pytest.fixture
def alice(hub: Hub) -> Iterator[Browser]:
    """A browser of alice, with two projects; her server is stopped afterwards."""
    browser = hub.session(projects=project_claim("project1", "project2"))
    yield browser
    if browser.server():
        browser.wait_ready()
        assert browser.stop().status_code == 204
