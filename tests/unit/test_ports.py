"""Which ports are published, and which collisions are refused."""

import pytest

from brics_envs.errors import BAD_INPUT, ConfigError
from brics_envs.plan.manifest import Ports
from brics_envs.plan.ports import plan_ports


def test_without_a_local_issuer_there_is_the_sign_in_port_alone():
    assert plan_ports(8000, None, local_issuer=False) == Ports(8000)
    assert plan_ports(8000, None, local_issuer=False).published == (8000,)


def test_the_issuer_follows_the_sign_in_port():
    assert plan_ports(8000, 8005, local_issuer=True).published == (8000, 8090, 8005)


@pytest.mark.parametrize(
    ("port", "direct", "local_issuer", "words"),
    [
        (8000, 8005, False, "publishes JupyterHub's own port already"),
        (8000, 8000, True, "--direct-port 8000: is the sign-in port"),
        (8000, 8090, True, "--direct-port 8090: is the issuer's port"),
        (7910, None, True, "would be 8000, which is the hub's proxy"),
        (7920, None, True, "would be 8010, which is the sign-in proxy"),
        (65500, None, True, "would be 65590, which is above 65535"),
    ],
)
def test_collisions(port, direct, local_issuer, words):
    with pytest.raises(ConfigError) as refused:
        plan_ports(port, direct, local_issuer=local_issuer)
    assert words in refused.value.message
    assert refused.value.exit_status == BAD_INPUT
