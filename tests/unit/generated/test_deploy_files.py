"""Generated files of deployment settings, in both forms, given to `invoke render`: bad ones are refused by key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from brics_envs.config.deploy import DeploySettings, load_config_map_settings, load_deploy_settings
from brics_envs.errors import BAD_INPUT
from tests.support.deploy_oracle import RULES, problems
from tests.support.existing_deployment import config_map
from tests.support.generated_input import ODD, Chance, Commands, Ran, files_below

BAD = 120
"""So many bad files of each form are tried, at least."""

VALID: Mapping[str, Any] = {
    "logLevel": "INFO",
    "baseUrl": "/jupyter/x",
    "devUsers": "testuser.project1 other-user.project_2",
    "dummyAuthPassword": "correct horse",
    "sshHostname": "login-1.slurm.example.org",
    "slurmSpawnerWrappersBin": "/opt/slurmspawner_wrappers/bin",
    "jupyterEnvDir": "/opt/jupyter",
    "condaPrefixDir": "/srv/conda/v1.2",
    "jupyterDataDir": "$HOME/shared/${NAME}",
    "hubConnectUrl": "http://hub.example.org:8081",
    "slurmNodes": 3,
    "slurmGpus": "gpu:a100:2",
    "slurmCpuOvercommit": 8,
    "slurmAccounting": True,
    "slurmHostAliases": {"n1": "192.0.2.21", "n2": "2001:db8::2"},
    "publicUrl": "http://localhost:9000/",
    "oidcServer": "https://keycloak.example/realms/dummy",
    "bricsPlatform": "portal.dummy.platform.shared",
    "jwtAudience": "https://hub.example.org:8443/~x",
    "sessionHours": 8,
    "startSignInHours": 0.5,
    "logoutRedirectUrl": "/out",
    "invalidTokenLogout": True,
    "queueLimitSeconds": 7200,
    "startLimitSeconds": 600,
    "pollSeconds": 45,
    "startPollSeconds": 10,
    "maxRuntime": "12:00:00",
    "defaultRuntime": "00:30:00",
    "minGpus": 0,
    "maxGpus": 2,
    "defaultGpus": 1,
    "partitions": "grace hopper",
    "defaultPartition": "hopper",
    "notebookDir": "/projects/{project}",
    "timeLeftMarks": "60 5",
    "jobMemory": "4G",
    "jobCpus": 8,
    "jobGres": "shard:1",
    "jobAccount": "brics",
    "jobQos": "interactive",
    "jobOptions": "--exclusive --constraint=x",
    "jobPrologue": "module load x\nulimit -c 0",
    "jobEpilogue": "echo end",
    "jobSrun": True,
    "jwtLeewaySeconds": 10,
    "jwksMaxAgeSeconds": 120,
    "adminUsers": "alice bob-2",
    "idleServerHours": 0.5,
    "announcement": "Maintenance on Monday.",
}
HOSTILE: list[Any] = [
    *ODD,
    *(None, True, False, 0, -1, 7, 1.5, float("inf"), float("nan"), 10**30, [], ["x"], {}, {"a": "b"}),
    *("127.0.0.1", "300.1.1.1", "fe80::1%$(id)", "::1%", "1.2.3", "a..b", "-oProxyCommand=id", "a" * 300),
    *(
        "http://",
        "http://h:0",
        "http://h:99999",
        "http://h:x",
        "http://[::1",
        "http://a b",
        "http://a@b",
        "ftp://h",
        "http://localhost:80//",
        "http://127.1",
        "https://localhost",
    ),
    *("http://h;id", "http://$(id)", "https://h/?x", "https://h/#x", "http:/h", "//h", "javascript:alert(1)"),
    *(
        "/..",
        "/a/../b",
        "/a//b",
        "a/b",
        "/a b",
        "/a;b",
        "/$(id)",
        "/oidc",
        "/oidc/x",
        "$HOME",
        "$1/x",
        "${HOME/x",
    ),
    *("yes", "12", "0x10", "1e3", ".nan", "x" * 11, "x\ny", "a.b a.b", "a.b A.b", "a.b,c.d", "n1: x", "n1"),
]


def test_the_oracle_knows_every_setting() -> None:
    assert RULES.keys() == DeploySettings.model_fields.keys() == VALID.keys()
    text = yaml.safe_dump(dict(VALID))
    assert problems(text, config_map=False) == set()


def deploy_yaml(values: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)


def deploy_config_map(values: Mapping[str, Any]) -> str:
    """With strings where they are due; what is no value of the setting's type stays as it is."""
    texts = {
        key: json.dumps(value)
        if type(value) is type(VALID.get(key)) and not isinstance(value, str)
        else value
        for key, value in values.items()
    }
    lines = yaml.safe_dump(texts, sort_keys=False, allow_unicode=True).splitlines(keepends=True)
    head, tail = config_map({}).split("\ndata:\n")
    return f"{head}\ndata:\n{''.join(f'  {line}' for line in lines)}{tail}"


Make = Callable[[Mapping[str, Any]], str]
FORMS: dict[str, Make] = {"deploy.yaml": deploy_yaml, "deploy-configmap.yaml": deploy_config_map}


def bad_value(chance: Chance, make: Make) -> str:
    """A few settings, one of which has another value."""
    keys = chance.random.sample(list(VALID), chance.random.randint(1, 6))
    values = {key: VALID[key] for key in keys}
    if isinstance(values[keys[0]], str) and chance.random.random() < 0.6:
        return make(values | {keys[0]: chance.mutated(values[keys[0]])})
    return make(values | {keys[0]: chance.one_of(HOSTILE)})


def bad_key(chance: Chance, make: Make) -> str:
    """A setting whose name is misspelt."""
    keys = chance.random.sample(list(VALID), 2)
    return make({chance.mutated(keys[0]): VALID[keys[0]], keys[1]: VALID[keys[1]]})


def bad_text(chance: Chance, make: Make) -> str:
    """A file that was damaged somewhere."""
    keys = chance.random.sample([key for key in VALID if key != "logoutRedirectUrl"], 4)
    return chance.mutated(make({key: VALID[key] for key in keys}))


@pytest.mark.parametrize("name", FORMS)
def test_bad_files_are_refused_and_only_those(
    chance: Chance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    commands, bad, number = Commands(), 0, 0
    monkeypatch.chdir(tmp_path)
    while bad < BAD:
        number += 1
        text = chance.one_of([bad_value, bad_value, bad_key, bad_text])(chance, FORMS[name])
        expected = problems(text, config_map=name != "deploy.yaml")
        what = f"seed {chance.seed}, number {number}: {text}"
        if not expected:
            continue
        bad += 1
        (tmp_path / name).write_text(text)
        before = files_below(tmp_path)
        ran = commands.run("render", "--env", "dev_dummyauth", "--deploy-dir", str(tmp_path))
        refused(ran, f"{tmp_path / name}", expected, what)
        assert files_below(tmp_path) == before, what


def refused(ran: Ran, file: str, keys: set[str], what: str) -> None:
    """The file is refused, with a line for each of these keys."""
    assert ran.status == BAD_INPUT, f"accepted: {keys}: {what}"
    assert ran.output == "", what
    assert ran.errors.startswith(f"error: {file}"), f"{ran.errors}\n{what}"
    for key in keys:
        assert key in ran.errors, f"{key!r} is not named in {ran.errors}\n{what}"


@pytest.mark.parametrize("name", FORMS)
def test_good_files_are_accepted(chance: Chance, tmp_path: Path, name: str) -> None:
    """What the oracle lets through is accepted, too: it does not refuse too much."""
    load = load_deploy_settings if name == "deploy.yaml" else load_config_map_settings
    good = 0
    while good < 60:
        text = chance.one_of([bad_value, bad_text])(chance, FORMS[name])
        if problems(text, config_map=name != "deploy.yaml"):
            continue
        good += 1
        (tmp_path / name).write_text(text)
        load(tmp_path / name)
