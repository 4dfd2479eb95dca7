"""Names of instances: the contract with users' scripts."""

from pathlib import Path

import pytest

from brics_envs.errors import ConfigError
from brics_envs.plan.names import parse_instance


def test_the_default_instance_has_the_plain_names() -> None:
    instance = parse_instance("default")
    assert instance.pod == "jupyterhub-slurm"
    assert instance.container("slurm") == "jupyterhub-slurm-slurm"
    assert instance.named("jupyterhub_root") == "jupyterhub_root"
    assert instance.image_tag("dev") == "dev-latest"
    assert instance.image_tag("prod") == "latest"
    assert instance.directory(Path("/p")) == Path("/p/_build/default")


def test_a_named_instance_ends_in_its_name() -> None:
    instance = parse_instance("my-test")
    assert instance.pod == "jupyterhub-slurm-my-test"
    assert instance.container("jupyterhub") == "jupyterhub-slurm-my-test-jupyterhub"
    assert instance.named("jupyterhub_root") == "jupyterhub_root_my-test"
    assert instance.named("deploy-config") == "deploy-config-my-test"
    assert instance.image_tag("dev") == "dev-my-test"
    assert instance.image_tag("prod") == "my-test"


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "A", "a_b", "a.b", "a/b", "x" * 21, "latest", "dev-a", "..", "ü"]
)
def test_refuses_names_that_are_no_dns_label_or_taken(name: str) -> None:
    with pytest.raises(ConfigError, match="--instance"):
        parse_instance(name)
