"""The settings of an existing deployment: `deploy-configmap.yaml`, what it may say, and every problem with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from brics_envs.config.deploy import DeploySettings, load_config_map_settings
from brics_envs.config.dev_users import DevUser
from brics_envs.errors import BAD_INPUT, ConfigError
from tests.support.existing_deployment import IN_POD, SETTINGS, config_map


def load(directory: Path, text: str) -> DeploySettings:
    file = directory / "deploy-configmap.yaml"
    file.write_text(text)
    return load_config_map_settings(file)


def refused(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(directory, text)
    assert error.value.exit_status == BAD_INPUT
    lines = error.value.message.splitlines()
    assert all(line.startswith(f"{directory}/deploy-configmap.yaml:") for line in lines), lines
    return [line.removeprefix(f"{directory}/deploy-configmap.yaml:") for line in lines]


@pytest.mark.parametrize("environment", SETTINGS)
@pytest.mark.parametrize("api_version", ["core/v1", "v1"])
def test_every_key_of_theirs_counts(tmp_path: Path, environment: str, api_version: str) -> None:
    settings = load(tmp_path, config_map(SETTINGS[environment], api_version))
    assert settings.model_fields_set == set(SETTINGS[environment])
    public = SETTINGS[environment].keys() - {"devUsers", "dummyAuthPassword"}
    assert {key: settings.public()[key] for key in public} == {
        key: SETTINGS[environment][key] for key in public
    }
    if "devUsers" in SETTINGS[environment]:
        assert settings.devUsers == (
            DevUser("testuser", "project1"),
            DevUser("testuser", "project2"),
            DevUser("otheruser", "project1"),
        )


def test_their_password_may_be_short(tmp_path: Path) -> None:
    settings = load(tmp_path, config_map({"dummyAuthPassword": "pw"}))
    assert settings.dummyAuthPassword is not None
    assert settings.dummyAuthPassword.get_secret_value() == "pw"
    assert settings.has_short_password
    assert not load(tmp_path, config_map({"dummyAuthPassword": "correct horse"})).has_short_password
    (line,) = refused(tmp_path, config_map({"dummyAuthPassword": ""}))
    assert line.startswith("6: dummyAuthPassword: must be a string")


def test_places_of_their_image_are_those_of_ours_where_slurm_is_in_the_pod(tmp_path: Path) -> None:
    ours = load(tmp_path, config_map(IN_POD)).for_slurm_in_pod()
    defaults = DeploySettings()
    for key in ("slurmSpawnerWrappersBin", "condaPrefixDir", "jupyterDataDir"):
        assert getattr(ours, key) == getattr(defaults, key)
    other = {"slurmSpawnerWrappersBin": "/a", "condaPrefixDir": "/b", "jupyterDataDir": "/c"}
    kept = load(tmp_path, config_map(other)).for_slurm_in_pod()
    assert {key: getattr(kept, key) for key in other} == other


def test_values_that_are_no_strings_are_written_in_strings(tmp_path: Path) -> None:
    values = {
        "sessionHours": "8",
        "invalidTokenLogout": "true",
        "slurmHostAliases": "n1: 10.0.0.1\nn2: 10.0.0.2",
    }
    settings = load(tmp_path, config_map(values))
    assert (settings.sessionHours, settings.invalidTokenLogout) == (8, True)
    assert settings.slurmHostAliases == {"n1": "10.0.0.1", "n2": "10.0.0.2"}
    assert load(tmp_path, config_map({"slurmHostAliases": '{"n1": "10.0.0.1"}'})).slurmHostAliases


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("sessionHours: 8", "6: sessionHours: must be a string: put it in quotes"),
        ("invalidTokenLogout: true", "6: invalidTokenLogout: must be a string: put it in quotes"),
        ("logLevel: null", "6: logLevel: must be a string: put it in quotes"),
        ("jwtAudience: 12", "6: jwtAudience: must be a string: put it in quotes"),
        ("dummyAuthPassword: 12345678", "6: dummyAuthPassword: must be a string: put it in quotes"),
        ('sessionHours: "long"', "6: sessionHours: Input should be a valid number, not 'long'"),
        ('sessionHours: "["', "6: sessionHours: "),
        ('invalidTokenLogout: "1"', "6: invalidTokenLogout: "),
        ('slurmHostAliases: "n1"', "6: slurmHostAliases: "),
        ('slurmHostAliases: "n1: nowhere"', "6: slurmHostAliases: "),
        ('colour: "red"', "6: colour: unknown key; allowed are queueLimitSeconds"),
        ('logLevel: "LOUD"', "6: logLevel: "),
        ('logLevel: "INFO"\n  logLevel: "INFO"', "7: logLevel: given twice, first in line 6"),
        ('devUsers: ""', "6: devUsers: it lists no users"),
        ('devUsers: "one"', "6: devUsers: 'one': needs exactly one dot"),
        ('condaPrefixDir: "conda"', "6: condaPrefixDir: must be an absolute path"),
        ('condaPrefixDir: "/a b"', "6: condaPrefixDir: must be an absolute path"),
        ('jupyterDataDir: "data"', "6: jupyterDataDir: must be an absolute path"),
        ('jupyterDataDir: "/a:/b"', "6: jupyterDataDir: must be an absolute path"),
        ('jupyterDataDir: "/{{cmd}}"', "6: jupyterDataDir: must be an absolute path"),
        ('jupyterDataDir: "$(id)/x"', "6: jupyterDataDir: must be an absolute path"),
        ('jupyterDataDir: "${HOME:-/}/x"', "6: jupyterDataDir: must be an absolute path"),
    ],
)
def test_bad_values(tmp_path: Path, data: str, words: str) -> None:
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: deploy-config}}\nimmutable: true\ndata:\n  {data}\n"
    (line,) = refused(tmp_path, text)
    assert line.startswith(words)
    assert "12345678" not in line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"apiVersion": "v2"}, "1: apiVersion: "),
        ({"apiVersion": None}, " apiVersion: needed"),
        ({"kind": "Secret"}, "2: kind: "),
        ({"kind": None}, " kind: needed"),
        ({"metadata": "{name: other}"}, "3: metadata.name: must be deploy-config"),
        ({"metadata": "{name: deploy-config-2}"}, "3: metadata.name: must be deploy-config"),
        ({"metadata": "{labels: {}}"}, "3: metadata.name: needed"),
        ({"metadata": "{name: 1}"}, "3: metadata.name: "),
        ({"metadata": "deploy-config"}, "3: metadata: "),
        ({"metadata": None}, " metadata: needed"),
        ({"data": "none"}, "4: data: "),
        ({"data": "[]"}, "4: data: "),
        ({"immutable": '"true"'}, "5: immutable: "),
        ({"immutable": "1"}, "5: immutable: "),
        ({"binaryData": "{}"}, "6: binaryData: unknown field"),
        ({"logLevel": "INFO"}, "6: logLevel: unknown field"),
    ],
)
def test_what_is_no_such_config_map(tmp_path: Path, changes: dict[str, str | None], words: str) -> None:
    parts: dict[str, str | None] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": "{name: deploy-config}",
        "data": "{}",
        "immutable": "true",
    }
    text = "".join(f"{key}: {value}\n" for key, value in (parts | changes).items() if value is not None)
    lines = refused(tmp_path, text)
    assert lines[0].startswith(words), lines
    assert len({line.split(": ")[1].split(".")[0] for line in lines}) == 1, lines


@pytest.mark.parametrize("optional", ["immutable: false\n", "data:\n", ""])
def test_what_may_be_left_out_or_be_there(tmp_path: Path, optional: str) -> None:
    metadata = "metadata: {name: deploy-config, namespace: x, labels: {a: b}, annotations: {}}\n"
    assert load(tmp_path, f"apiVersion: v1\nkind: ConfigMap\n{metadata}{optional}") == load(
        tmp_path, config_map({})
    )


@pytest.mark.parametrize("text", ["", "a", "- a\n", "a: b\n---\nc: d\n", "logLevel: INFO\n", "a: [\n"])
def test_other_files(tmp_path: Path, text: str) -> None:
    (tmp_path / "deploy-configmap.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_config_map_settings(tmp_path / "deploy-configmap.yaml")


def test_every_problem_at_once(tmp_path: Path) -> None:
    text = (
        'apiVersion: v3\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  one: "1"\n  two: "2"\n'
        '  logLevel: "LOUD"\n  sessionHours: 1\n  devUsers: "a.b C.d a.b"\n'
    )
    lines = refused(tmp_path, text)
    assert sorted((line.split(":")[0], line.split(": ")[1]) for line in lines) == [
        ("1", "apiVersion"),
        ("3", "metadata.name"),
        ("5", "one"),
        ("6", "two"),
        ("7", "logLevel"),
        ("8", "sessionHours"),
        ("9", "devUsers"),
        ("9", "devUsers"),
    ]
    assert "9: devUsers: 'a.b': already word 1" in lines


@pytest.mark.parametrize(
    "value",
    [
        "|\n    good.one\n    bad\n",
        "good.one\n    bad\n",
        '"good.one\n    bad"\n',
        ">-\n    good.one\n    bad",
    ],
)
def test_a_refused_user_is_told_with_its_own_line(tmp_path: Path, value: str) -> None:
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: deploy-config}\ndata:\n"
    (line,) = refused(tmp_path, f"{head}  devUsers: {value}")
    assert line.split(": ", 1)[1] == "devUsers: 'bad': needs exactly one dot, between <USER> and <PROJECT>"
    number = int(line.split(":")[0])
    assert "bad" in (tmp_path / "deploy-configmap.yaml").read_text().splitlines()[number - 1]
