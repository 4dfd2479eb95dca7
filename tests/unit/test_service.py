"""The systemd unit of an instance, and where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from brics_envs.plan.names import Checkout, Instance
from brics_envs.plan.service import service_manifest, unit_directory, unit_file, unit_text

POD = {"kind": "Pod", "metadata": {"name": "x", "labels": {"brics.environment": "prod"}}}
SECRET = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"key": "value"}}
CHECKOUT = Checkout("id", Path('/home/a b/100%"\nX=1'))


def test_secrets_are_not_in_the_manifest() -> None:
    assert service_manifest([SECRET, POD]) == [POD]


def test_unit() -> None:
    text = unit_text(Instance("blue"), CHECKOUT, [POD], {"A": "100%"}, user=True)
    assert "Yaml=jupyterhub-slurm-blue.yaml\nNetwork=jupyterhub-slurm-network-blue\n" in text
    assert "WantedBy=default.target\n" in text
    assert '\nEnvironment="A=100%%"\n' in text
    assert "\nX=1" not in text
    assert unit_file(Instance()) == "jupyterhub-slurm.kube"
    assert "WantedBy=multi-user.target\n" in unit_text(Instance(), CHECKOUT, [POD], {}, user=False)


@pytest.mark.parametrize(
    ("environment", "user", "directory"),
    [
        ({}, False, "/etc/containers/systemd"),
        ({"HOME": "/home/a"}, True, "/home/a/.config/containers/systemd"),
        ({"HOME": "/home/a", "XDG_CONFIG_HOME": "/c"}, True, "/c/containers/systemd"),
        ({"QUADLET_UNIT_DIRS": "/u:/v", "HOME": "/h"}, True, "/u"),
    ],
)
def test_place(environment: dict[str, str], user: bool, directory: str) -> None:
    assert unit_directory(environment, user=user) == Path(directory)
