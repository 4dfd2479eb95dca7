"""What is refused of an environment's settings, and what an environment needs and makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from brics_envs.config.environment import load_environment
from brics_envs.errors import BAD_INPUT, ConfigError
from brics_envs.lifecycle.prepare import UpOptions, prepare
from brics_envs.plan.config_maps import config_map_document
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.images import repositories_of
from brics_envs.plan.names import Instance
from brics_envs.plan.ports import Endpoint
from brics_envs.plan.secrets import HIDDEN, deploy_dir_files, generated_files
from tests.support import existing_deployment
from tests.support.existing_deployment import write_existing

ROOT = Path(__file__).resolve().parents[2]
SLURM = "sshHostname: slurm.example.org\nhubConnectUrl: http://192.0.2.10:8081\n"
ISSUER = "oidcServer: https://issuer.example.org/realms/x\n"
KEYS = ("ssh_client_key", "ssh_client_key.pub", "ssh_host_ed25519_key", "ssh_host_ed25519_key.pub")
BOTH = ("bricsauthenticator", "slurmspawner_wrappers")


def prepared(name: str, deploy_dir: Path | None = None) -> DesiredState:
    environment = load_environment(ROOT, name)
    return prepare(UpOptions(environment, Instance(), 8000, "auto", (), deploy_dir, None, False))


def refused(name: str, directory: Path, text: str) -> str:
    (directory / "deploy.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        prepared(name, directory)
    assert error.value.exit_status == BAD_INPUT
    return error.value.message


@pytest.mark.parametrize(
    ("name", "text", "keys"),
    [
        ("prod", "", ["sshHostname", "hubConnectUrl", "oidcServer"]),
        ("prod", SLURM, ["oidcServer"]),
        ("prod", ISSUER + SLURM.replace("http:", "https:"), ["hubConnectUrl"]),
        ("dev_dummyauth_extslurm", "", ["sshHostname", "hubConnectUrl"]),
    ],
)
def test_settings_that_are_needed_are_told_at_once(
    tmp_path: Path, name: str, text: str, keys: list[str]
) -> None:
    lines = refused(name, tmp_path, text).splitlines()
    assert [line.split(": ")[1] for line in lines] == keys
    assert all(line.startswith(f"{tmp_path}/deploy.yaml: ") for line in lines)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0"],  # noqa: S104
)
@pytest.mark.parametrize("name", ["prod", "prod_nadir", "dev_dummyauth_extslurm"])
def test_a_hub_on_loopback_is_refused_where_slurm_is_elsewhere(tmp_path: Path, name: str, host: str) -> None:
    message = refused(name, tmp_path, ISSUER + SLURM.replace("192.0.2.10", host))
    assert message.startswith(f"{tmp_path}/deploy.yaml: hubConnectUrl: ")
    assert "loopback" in message


@pytest.mark.parametrize(
    "name", ["prod", "prod_nadir", "dev_realauth", "dev_realauth_nadir", "dev_realauth_zenithclient"]
)
def test_tokens_of_an_issuer_come_over_https(tmp_path: Path, name: str) -> None:
    message = refused(name, tmp_path, SLURM + ISSUER.replace("https", "http"))
    assert message.startswith(f"{tmp_path}/deploy.yaml:3: oidcServer: must begin with https://")


def test_a_session_in_production_is_a_day_of_work(tmp_path: Path) -> None:
    assert "sessionHours: must not be more than 12" in refused(
        "prod", tmp_path, SLURM + ISSUER + "sessionHours: 13\n"
    )


@pytest.mark.parametrize(("name", "files"), [("prod", 6), ("prod_nadir", 7)])
def test_keys_are_told_when_the_settings_are_right(tmp_path: Path, name: str, files: int) -> None:
    message = refused(name, tmp_path, SLURM + ISSUER)
    assert len(message.splitlines()) == files


@pytest.mark.parametrize(
    ("name", "generated", "needed", "repositories"),
    [
        ("dev_dummyauth", {"metrics_token", "password", "proxy_api_token", *KEYS}, 0, BOTH),
        ("dev_dummyauth_extslurm", {"metrics_token", "password", "proxy_api_token"}, 3, BOTH[:1]),
        ("prod", {"metrics_token", "proxy_api_token"}, 6, BOTH[:1]),
        ("prod_nadir", {"metrics_token", "proxy_api_token"}, 7, BOTH[:1]),
    ],
)
def test_what_is_made_and_what_is_needed(
    name: str, generated: set[str], needed: int, repositories: tuple[str, ...]
) -> None:
    found = prepared(name)
    assert set(generated_files(found.overlay)) == generated
    assert len(deploy_dir_files(found.overlay)) == needed
    assert (found.deploy_files is None) == bool(needed)
    assert repositories_of(found.overlay.built_images) == repositories


@pytest.mark.parametrize("name", ["prod", "prod_nadir"])
def test_production_is_strict_and_awaits_tokens(name: str) -> None:
    found = prepared(name)
    assert found.strict
    assert found.awaits_tokens
    assert found.url == ""
    assert found.ports.published == (Endpoint("192.0.2.10", 8081),)


def test_users_are_those_of_the_environment_that_is_linked_to() -> None:
    shared = load_environment(ROOT, "dev_dummyauth_extslurm").dev_users
    assert shared == ROOT / "config/dev_dummyauth/dev_users"
    for name in ("dev_realauth_nadir", "dev_realauth_zenithclient"):
        assert load_environment(ROOT, name).dev_users == ROOT / "config/dev_realauth/dev_users"


# -- existing deployments


@pytest.mark.parametrize("name", existing_deployment.SETTINGS)
def test_existing_deployments_move_over_as_they_are(tmp_path: Path, name: str) -> None:
    settings = existing_deployment.SETTINGS[name]
    write_existing(tmp_path, settings, existing_deployment.key_files(name, settings))
    found = prepared(name, tmp_path)
    assert {user.account for user in found.dev_users} == set(settings.get("devUsers", "").split())
    assert found.password == settings.get("dummyAuthPassword")
    assert set(found.deploy_files or {}) == set(deploy_dir_files(found.overlay))
    config = config_map_document("deploy-config", found, HIDDEN)["data"]
    assert config["sshHostname"] == settings["sshHostname"]
    if found.overlay.has_slurm:
        assert config["slurmSpawnerWrappersBin"] == "/opt/slurmspawner_wrappers/bin"
        assert not {"condaPrefixDir", "jupyterDataDir"} & set(config)
    else:
        places = ("slurmSpawnerWrappersBin", "condaPrefixDir", "jupyterDataDir")
        assert {key: config[key] for key in places} == {key: settings[key] for key in places}
    # Of no consequence where nobody signs in with a token.
    assert ("oidcServer" in config) == found.overlay.takes_tokens


def test_development_needs_their_settings_alone(tmp_path: Path) -> None:
    write_existing(tmp_path, {}, {})
    assert (
        prepared("dev_dummyauth", tmp_path).settings.public() == prepared("dev_dummyauth").settings.public()
    )


def test_users_of_the_settings_take_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text("devUsers: a.b\n")
    assert [user.account for user in prepared("dev_dummyauth", tmp_path).dev_users] == ["a.b"]
    # Also where there is no file.
    assert [user.account for user in prepared("dev_realauth", tmp_path).dev_users] == ["a.b"]


def test_two_files_with_settings_are_refused(tmp_path: Path) -> None:
    write_existing(tmp_path, {}, {})
    assert "both exist" in refused("dev_dummyauth", tmp_path, "")


def test_what_their_settings_lack_is_told_with_their_file(tmp_path: Path) -> None:
    write_existing(tmp_path, {}, {})
    with pytest.raises(ConfigError) as error:
        prepared("prod", tmp_path)
    lines = error.value.message.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["sshHostname", "hubConnectUrl", "oidcServer"]
    assert all(line.startswith(f"{tmp_path}/deploy-configmap.yaml: ") for line in lines)
