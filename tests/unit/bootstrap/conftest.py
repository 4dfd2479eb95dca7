"""Machines for bootstrap: a bare one, and one that it has prepared already."""

from pathlib import Path

import pytest

from tests.support.bootstrap_machine import Machine
from tests.support.isolation import PROGRAMS


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    assert not {"podman", "git", "apt-get", "sudo"} & PROGRAMS
    return Machine(tmp_path)


@pytest.fixture
def ready(machine: Machine) -> Machine:
    assert machine.run("true").returncode == 0
    machine.log.write_text("")
    return machine
