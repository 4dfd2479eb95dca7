"""Deployment settings: layers, and every problem with its file and line."""

from pathlib import Path

import pytest

from brics_envs.config.deploy import DeploySettings, load_deploy_settings
from brics_envs.errors import BAD_INPUT, ConfigError


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_defaults_when_no_file_is_there(tmp_path: Path) -> None:
    settings = load_deploy_settings(tmp_path / "deploy.yaml", tmp_path / "deploy.local.yaml")
    assert settings == DeploySettings()
    assert settings.baseUrl == "/jupyter"


def test_the_local_file_overrides_key_by_key(tmp_path: Path) -> None:
    tracked = write(tmp_path / "deploy.yaml", "logLevel: INFO\nbaseUrl: /a\n")
    local = write(tmp_path / "deploy.local.yaml", "logLevel: DEBUG\n")
    settings = load_deploy_settings(tracked, local)
    assert (settings.logLevel, settings.baseUrl) == ("DEBUG", "/a")


def test_every_problem_at_once_with_file_and_line(tmp_path: Path) -> None:
    file = write(tmp_path / "deploy.yaml", "colour: red\n# c\nlogLevel: LOUD\nhubConnectUrl: nowhere\n")
    with pytest.raises(ConfigError) as refused:
        load_deploy_settings(file)
    first, second, third = sorted(refused.value.message.splitlines())
    assert first.startswith(f"{file}:1: colour: unknown key; allowed are ")
    assert second.startswith(f"{file}:3: logLevel: ")
    assert "'DEBUG'" in second
    assert third.startswith(f"{file}:4: hubConnectUrl: must be an http")
    assert refused.value.exit_status == BAD_INPUT


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("logLevel: [", "1: not valid YAML"),
        ("- a\n- b\n", "expected `key: value`"),
        ("logLevel: INFO\nlogLevel: DEBUG\n", "2: logLevel: given twice, first in line 1"),
        ("just text", "expected `key: value`"),
        ("slurmSpawnerWrappersBin: bin\n", "1: slurmSpawnerWrappersBin: must be an absolute path"),
        ("slurmSpawnerWrappersBin: /opt/x y\n", "must be an absolute path"),
        ("slurmHostAliases: {n1: nowhere}\n", "1: slurmHostAliases: "),
        ("sshHostname: -oProxyCommand=x\n", "1: sshHostname: must be a host name"),
        ("baseUrl: /a b\n", "1: baseUrl: must be a URL path"),
        ("baseUrl: /oidc\n", "1: baseUrl: must not be below /oidc/"),
        ("baseUrl: oidc/x/\n", "1: baseUrl: must be a URL path"),
        ("baseUrl: /oidc/x/\n", "1: baseUrl: must not be below /oidc/"),
        ("baseUrl: /jupyter/../x\n", "1: baseUrl: must be a URL path"),
        ("sshHostname: slurm:22\n", "1: sshHostname: must be a host name or an address, without a port"),
        ("publicUrl: https://localhost:9000\n", "1: publicUrl: must be http://localhost:PORT"),
        ("publicUrl: http://hub.example.org:9000\n", "1: publicUrl: must be http://localhost:PORT"),
        ("publicUrl: http://localhost:9000/jupyter\n", "1: publicUrl: must be http://localhost:PORT"),
        ("publicUrl: http://[::1]:9000\n", "1: publicUrl: must be http://localhost:PORT"),
        ("oidcServer: http://id.example.org:99999\n", "1: oidcServer: must be an http"),
        (
            'dummyAuthPassword: "            "\n',
            "1: dummyAuthPassword: must be a string of at least 12 characters",
        ),
        ('dummyAuthPassword: "correct horse\\n"\n', "1: dummyAuthPassword: must be"),
        ("sessionHours: 0\n", "1: sessionHours: "),
        ("sessionHours: -1\n", "1: sessionHours: "),
        ("sessionHours: .nan\n", "1: sessionHours: "),
        ("sessionHours: .inf\n", "1: sessionHours: "),
        ("sessionHours: 337\n", "1: sessionHours: "),
        ('sessionHours: "12"\n', "1: sessionHours: "),
        ("sessionHours: true\n", "1: sessionHours: "),
        ("startSignInHours: 13\n", "1: startSignInHours: must not be more than sessionHours"),
        ("sessionHours: 1\nstartSignInHours: 2\n", "2: startSignInHours: must not be more than sessionHours"),
        ("invalidTokenLogout: 1\n", "1: invalidTokenLogout: "),
        ('invalidTokenLogout: "yes"\n', "1: invalidTokenLogout: "),
        ("logoutRedirectUrl: //evil.example/\n", "1: logoutRedirectUrl: must be"),
        ("logoutRedirectUrl: /\\evil.example/\n", "1: logoutRedirectUrl: must be"),
        ("logoutRedirectUrl: javascript:alert(1)\n", "1: logoutRedirectUrl: must be"),
        ("logoutRedirectUrl: sign-out\n", "1: logoutRedirectUrl: must be"),
        ("logoutRedirectUrl: https://a@b/\n", "1: logoutRedirectUrl: must be"),
        ('logoutRedirectUrl: "/a\\r\\nSet-Cookie: x"\n', "1: logoutRedirectUrl: must be"),
        ("logoutRedirectUrl: https://[::1\n", "1: logoutRedirectUrl: must be"),
        ('logoutRedirectUrl: ""\n', "1: logoutRedirectUrl: must be"),
        ("logoutRedirectUrl: /jupyter/hub/logout\n", "1: logoutRedirectUrl: must not be the hub's own"),
        (
            "baseUrl: /\nlogoutRedirectUrl: https://x/hub/login\n",
            "2: logoutRedirectUrl: must not be the hub's own",
        ),
        ("queueLimitSeconds: 9\n", "1: queueLimitSeconds: Input should be greater than or equal to 10"),
        ("queueLimitSeconds: 604801\n", "1: queueLimitSeconds: "),
        ("startLimitSeconds: 1.5\n", "1: startLimitSeconds: "),
        ('pollSeconds: "60"\n', "1: pollSeconds: "),
        ("startPollSeconds: true\n", "1: startPollSeconds: "),
        ("maxRuntime: 0\n", "1: maxRuntime: must be a time HH:MM:SS"),
        ("maxRuntime: 100:00:00\n", "1: maxRuntime: must be a time HH:MM:SS"),
        ("maxRuntime: 00:30:00\n", "1: maxRuntime: must not be less than defaultRuntime (01:00:00)"),
        ("defaultRuntime: 30:00:00\n", "1: defaultRuntime: must not be more than maxRuntime (24:00:00)"),
        ("maxGpus: 0\n", "1: maxGpus: must not be less than defaultGpus (1)"),
        ("minGpus: 2\n", "1: minGpus: must not be more than defaultGpus (1)"),
        ("minGpus: -1\n", "1: minGpus: "),
        ("partitions: grace  -x\n", "1: partitions: must be a name"),
        ("partitions: a a\n", "1: partitions: must be different names"),
        ("partitions: a b\ndefaultPartition: c\n", "2: defaultPartition: must be one of partitions"),
        ("notebookDir: ~x\n", "1: notebookDir: must be a path"),
        ("notebookDir: scratch\n", "1: notebookDir: must be a path"),
        ("notebookDir: /a/../b\n", "1: notebookDir: must be a path"),
        ("notebookDir: /$(id)\n", "1: notebookDir: must be a path"),
        ("notebookDir: /a/{home}\n", "1: notebookDir: must be a path"),
        ("jobMemory: 4GB\n", "1: jobMemory: "),
        ("jobCpus: 0\n", "1: jobCpus: "),
        ("jobGres: gpu:1 --x\n", "1: jobGres: "),
        ("jobAccount: --x\n", "1: jobAccount: must be a name"),
        ("jobOptions: exclusive\n", "1: jobOptions: must be options"),
        ('jobOptions: "--a\\n#SBATCH --b"\n', "1: jobOptions: must be options"),
        ('jobPrologue: "a\\0"\n', "1: jobPrologue: must be lines"),
        ('jobSrun: "yes"\n', "1: jobSrun: "),
        ("jwtLeewaySeconds: 301\n", "1: jwtLeewaySeconds: "),
        ("jwksMaxAgeSeconds: 0\n", "1: jwksMaxAgeSeconds: "),
        ("on: 1\nyes: 2\n", "two keys have the same meaning: on, yes"),
        ('"\\ud800": 1\n', "a key is not text"),
        ("a: " + "[" * 3000, "not valid YAML"),
        ("jwtAudience: a b\n", "1: jwtAudience: "),
        ('jwtAudience: ""\n', "1: jwtAudience: "),
        ('jwtAudience: "a\\n"\n', "1: jwtAudience: "),
        ("jwtAudience: a$b\n", "1: jwtAudience: "),
        ("jwtAudience: 'a\"b'\n", "1: jwtAudience: "),
        ("jwtAudience: ä\n", "1: jwtAudience: "),
        ("1: 2\n", ":1: 1: unknown key"),
        ('"": 2\n', ":1: : unknown key"),
        ("devUsers: [a.b]\n", "1: devUsers: must be a string"),
        ("devUsers: [{user: a, project: ../b}]\n", "1: devUsers: must be a string"),
        ("devUsers: a.b c\n", "1: devUsers: 'c': needs exactly one dot"),
        ("devUsers:\n  a.b\n  c\n", "3: devUsers: 'c': needs exactly one dot"),
        ("on: 2\n", ":1: on: unknown key"),
        ("<<: {a: 1}\n", ":1: <<: merge keys"),
    ],
)
def test_refusals(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_deploy_settings(write(tmp_path / "deploy.yaml", text))
    assert words in refused.value.message


def test_a_short_password_is_refused_and_not_shown(tmp_path: Path) -> None:
    file = write(tmp_path / "deploy.yaml", "dummyAuthPassword: hunter2\n")
    with pytest.raises(ConfigError, match="at least 12 characters") as refused:
        load_deploy_settings(file)
    assert "hunter2" not in str(refused.value)


def test_an_issuers_name_is_taken_as_it_is() -> None:
    assert (
        DeploySettings(oidcServer="https://id.example.org/").public()["oidcServer"]
        == "https://id.example.org/"
    )
    assert DeploySettings(hubConnectUrl="http://192.0.2.1:8081/").hubConnectUrl == "http://192.0.2.1:8081"


def test_public_settings_have_no_secret_and_nothing_unset() -> None:
    settings = DeploySettings(dummyAuthPassword="correct horse battery", slurmHostAliases={"n1": "10.0.0.1"})
    assert "correct horse" not in repr(settings)
    assert "dummyAuthPassword" not in settings.public()
    assert "oidcServer" not in settings.public()
    assert all(isinstance(value, str) for value in settings.public().values())


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/jupyter/", "/jupyter"),
        ("/", "/"),
        ("", "/"),
        ("/a/b", "/a/b"),
        ("/oidc2", "/oidc2"),
        ("/a/oidc", "/a/oidc"),
    ],
)
def test_base_url_is_normalised(given: str, kept: str) -> None:
    assert DeploySettings(baseUrl=given).baseUrl == kept


@pytest.mark.parametrize(
    "audience", ["brics-jupyterhub", "https://hub.example.org:8443/~x", "urn:brics:1.2_3"]
)
def test_audiences(audience: str) -> None:
    assert DeploySettings(jwtAudience=audience).jwtAudience == audience


def test_sessions_and_signing_out_reach_the_hub_as_text(tmp_path: Path) -> None:
    text = "sessionHours: 8\nstartSignInHours: 0.5\nlogoutRedirectUrl: /out?a=b\ninvalidTokenLogout: true\n"
    public = load_deploy_settings(write(tmp_path / "deploy.yaml", text)).public()
    assert float(public["sessionHours"]) == 8
    assert public["startSignInHours"] == "0.5"
    assert public["logoutRedirectUrl"] == "/out?a=b"
    assert public["invalidTokenLogout"] == "true"
    defaults = DeploySettings().public()
    assert float(defaults["sessionHours"]) == 12
    assert not {"startSignInHours", "logoutRedirectUrl", "invalidTokenLogout"} & set(defaults)


def test_paths_may_end_in_a_slash() -> None:
    assert DeploySettings(condaPrefixDir="/a/b/").condaPrefixDir == "/a/b"
    assert DeploySettings(jupyterDataDir="$HOME/b/").jupyterDataDir == "$HOME/b"


@pytest.mark.parametrize("place", ["/srv/kernels", "$HOME/x", "${PROJECT_DIR}/x-y_z", "/p/$USER/x"])
def test_places_of_shared_kernels(place: str) -> None:
    assert DeploySettings(jupyterDataDir=place).jupyterDataDir == place


def test_all_contradictions_are_told_at_once(tmp_path: Path) -> None:
    file = write(tmp_path / "deploy.yaml", "maxGpus: 0\nstartSignInHours: 13\nmaxRuntime: 00:10:00\n")
    with pytest.raises(ConfigError) as refused:
        load_deploy_settings(file)
    assert [line.split(": ")[0:2] for line in sorted(refused.value.message.splitlines())] == [
        [f"{file}:1", "maxGpus"],
        [f"{file}:2", "startSignInHours"],
        [f"{file}:3", "maxRuntime"],
    ]


def test_what_yaml_makes_of_a_time(tmp_path: Path) -> None:
    file = write(tmp_path / "deploy.yaml", "maxRuntime: 24:00:00\ndefaultRuntime: 02:00:00\n")
    assert load_deploy_settings(file).public()["maxRuntime"] == "24:00:00"
    assert DeploySettings.model_validate({"maxRuntime": 7200}).maxRuntime == "02:00:00"


def test_production_has_defaults_of_its_own_for_what_is_not_set() -> None:
    settings = DeploySettings(pollSeconds=10).for_production()
    assert (settings.pollSeconds, settings.startPollSeconds, settings.startLimitSeconds) == (10, 15, 420)


@pytest.mark.parametrize(("given", "proposed"), [({}, 0), ({"minGpus": 1}, 1), ({"defaultGpus": 2}, 2)])
def test_no_gpu_is_proposed_where_there_are_none_in_truth(given: dict[str, int], proposed: int) -> None:
    settings = DeploySettings.model_validate(given)
    assert settings.for_slurm_in_pod().defaultGpus == proposed
    assert settings.for_production().defaultGpus == given.get("defaultGpus", 1)


def test_settings_of_jobs_reach_the_hub_as_text() -> None:
    public = DeploySettings(jobPrologue="module load x\nulimit -c 0", partitions="a  b", jobCpus=4).public()
    assert (public["jobPrologue"], public["partitions"]) == ("module load x\nulimit -c 0", "a b")
    assert (public["jobCpus"], public["jobSrun"], public["maxGpus"]) == ("4", "false", "4")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://localhost:9000/", "http://localhost:9000"),
        ("http://LOCALHOST:9000", "http://localhost:9000"),
        ("http://127.1:9000", "http://127.0.0.1:9000"),
        ("http://127.0.0.2:80/", "http://127.0.0.2"),
    ],
)
def test_a_forwarded_address_is_as_browsers_name_it(given: str, meant: str) -> None:
    assert DeploySettings(publicUrl=given).publicUrl == meant
