"""Options of the tasks."""

from pathlib import Path

import pytest

from brics_envs.config.deploy import DeploySettings
from brics_envs.config.environment import environment_names, load_environment
from brics_envs.config.options import parse_base, parse_port, parse_token_options
from brics_envs.errors import BAD_INPUT, ConfigError


def test_ports() -> None:
    assert parse_port("--port", "8000") == 8000


def test_an_external_issuer_chooses_its_own_overlay(tmp_path: Path) -> None:
    for directory in ("k8s/overlays/one", "k8s/overlays/two", "k8s/overlays/two_external_issuer"):
        (tmp_path / directory).mkdir(parents=True)
    for directory in ("config/one", "config/two"):
        (tmp_path / directory).mkdir(parents=True)
    external = DeploySettings(oidcServer="https://id.example.org")
    assert load_environment(tmp_path, "one").overlay(external).name == "one"
    assert load_environment(tmp_path, "two").overlay(external).name == "two_external_issuer"
    assert load_environment(tmp_path, "two").overlay(DeploySettings()).name == "two"


def test_token_options() -> None:
    options = parse_token_options("a", ["p"], "-5", ["n=1", "s=x=y", 'l=["a"]'])
    assert options.expires_in_s == -5
    assert options.claims == {"n": 1, "s": "x=y", "l": ["a"]}


@pytest.mark.parametrize(
    ("user", "expires_in", "claims", "words"),
    [
        ("", "1", [], "--user"),
        ("a", "1h", [], "--expires-in"),
        ("a", "9" * 5000, [], "--expires-in"),
        ("a", "1", ["x"], "--claim: 'x'"),
        ("a", "1", ["=x"], "--claim"),
    ],
)
def test_refuses_bad_token_options(user: str, expires_in: str, claims: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_token_options(user, [], expires_in, claims)


@pytest.mark.parametrize("value", ["", "0", "80", "65536", "-1", "8e3", "٨٠٠٠", "eight", "8000 ", "9" * 5000])
def test_refuses_what_is_no_port(value: str) -> None:
    with pytest.raises(ConfigError, match="--port") as refused:
        parse_port("--port", value)
    assert refused.value.exit_status == BAD_INPUT


def test_bases() -> None:
    assert parse_base("registry") == "registry"
    with pytest.raises(ConfigError) as refused:
        parse_base("remote")
    assert "auto, registry, local" in refused.value.hint


def test_an_environment_is_an_overlay_with_a_configuration(tmp_path: Path) -> None:
    for directory in ("k8s/overlays/one", "k8s/overlays/kubernetes", "config/one", "config/two"):
        (tmp_path / directory).mkdir(parents=True)
    assert environment_names(tmp_path) == ["one"]
    assert load_environment(tmp_path, "one").overlay(DeploySettings()) == tmp_path / "k8s/overlays/one"
    with pytest.raises(ConfigError) as refused:
        load_environment(tmp_path, "two")
    assert "'two'" in refused.value.message
    assert "choose one of one" in refused.value.hint
