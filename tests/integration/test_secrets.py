"""Secrets of a running instance appear on no command line, in no log, and in no image."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.commands import ok
from tests.support.hub_client import HubClient
from tests.support.image_files import files_of_image
from tests.support.process_sampler import ProcessSampler
from tests.support.running_instance import RunningInstance

Secrets = dict[str, list[bytes]]
"""What it is → the forms in which it could be written down."""

HUB_STATE = "/srv/jupyterhub"
TOKENS_OF_THE_JOB = """
import json, os
print(json.dumps({name: os.environ[name] for name in ("JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN")}))
"""
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{60,}")
PUBLISHED = "/tornado/test/test.key"
"""A key that is no secret: it comes with tornado, for its own tests."""

COMMANDS_TO_BE_SEEN = (
    "jupyterhub --config=/etc/jupyterhub/jupyterhub_config.py",
    "configurable-http-proxy",
    "ssh -F /etc/brics/ssh/ssh_config",
    "sudo -n -u testuser.project1",
    "slurmspawner_sbatch",
    "squeue --noheader",
    "slurmspawner_scancel",
    "slurmctld -D",
    "jupyterhub-singleuser",
    "ipykernel",
)


@pytest.fixture(scope="module")
def secrets(
    running: RunningInstance, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Secrets, set[str]]]:
    """The instance's secrets, and the command lines seen while they were used in every way there is."""
    file = tmp_path_factory.mktemp("spawn") / "command-lines"
    # As often as it goes: some of these commands live for milliseconds.
    with ProcessSampler(file, interval_s=0.002) as sampler:
        client = running.client("testuser")
        client.stop()
        with running.stopped("sshd"):  # an error of the server, whose request the hub logs in full
            assert client.start_by_api({"brics_project": "project1.brics"}).status_code >= 500
        client.start(brics_project="project1.brics")
        tokens: dict[str, str] = json.loads(client.run(TOKENS_OF_THE_JOB))
        tokens["API token"] = use_of_a_token(client)
        for _ in range(5):
            client.start_by_api({})  # polls
            time.sleep(0.1)
        cookies = {f"cookie {c.name}": c.value or "" for c in client.http.cookies if is_secret(c.name)}
        assert len(cookies) == 2, cookies
        client.stop()
        yield instance_secrets(running) | as_bytes(tokens | cookies), sampler.seen()


def is_secret(cookie: str) -> bool:
    """Whether somebody with this cookie would be signed in: at the hub, or at a server.

    The others name a session, which JupyterHub logs, and its signed XSRF tokens.
    """
    return cookie == "jupyterhub-hub-login" or cookie.startswith("jupyterhub-user-")


def use_of_a_token(client: HubClient) -> str:
    """Make a token for the API, and use it in a header and, as is possible but unwise, in an address."""
    path = f"/hub/api/users/{client.user}"
    answer = client.request("POST", f"{path}/tokens", {"note": "test"})
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    with requests.Session() as other:
        other.trust_env = False
        for server in ("/hub/api/user", f"/user/{client.user}/api/status"):
            headers = {"Authorization": f"token {token}"}
            assert other.get(client.url + server, headers=headers, timeout=30).status_code == 200
            other.get(client.url + server, params={"token": token}, timeout=30)
    return token


def instance_secrets(running: RunningInstance) -> Secrets:
    """What the instance's files and volumes hold."""
    texts = {
        "password": running.password,
        "cookie secret": running.hub("cat", f"{HUB_STATE}/jupyterhub_cookie_secret").strip(),
        "proxy token": running.hub("cat", "/etc/brics/proxy-api/token"),
    }
    for name in ("ssh_client_key", "ssh_host_ed25519_key"):
        # What comes before this line is the same in every key, or public.
        texts[name] = (running.directory / name).read_text().splitlines()[4]
    crypt = base64.b64decode(running.hub("base64", f"{HUB_STATE}/jupyterhub_crypt_key"))
    munge = base64.b64decode(running.slurm("base64", "/var/lib/munge/munge.key"))
    return as_bytes(texts) | {"crypt key": forms_of(crypt), "munge key": forms_of(munge)}


def as_bytes(texts: dict[str, str]) -> Secrets:
    for name, text in texts.items():
        assert len(text) >= 12, f"{name}: {text!r} cannot be what was looked for"
    return {name: [text.strip('"').encode()] for name, text in texts.items()}


def forms_of(key: bytes) -> list[bytes]:
    assert len(key) >= 16, "no key"
    return [key, key.hex().encode(), base64.b64encode(key), base64.urlsafe_b64encode(key)]


def found(secrets: Secrets, where: bytes) -> list[str]:
    """The names of the secrets that occur."""
    return [name for name, forms in secrets.items() if any(form in where for form in forms)]


def test_search_finds_what_is_there(running: RunningInstance, secrets: tuple[Secrets, set[str]]) -> None:
    manifest = (running.directory / "jh_slurm_pod.yaml").read_bytes()
    assert set(found(secrets[0], manifest)) == {
        "password",
        "proxy token",
        "ssh_client_key",
        "ssh_host_ed25519_key",
    }


def test_no_secret_on_any_command_line(
    running: RunningInstance, secrets: tuple[Secrets, set[str]], sampler: ProcessSampler
) -> None:
    values, during_spawn = secrets
    for expected in COMMANDS_TO_BE_SEEN:
        assert any(expected in line for line in during_spawn), f"the test did not see: {expected}"
    during_up = sampler.seen()
    if running.output:
        assert any("podman kube play" in line for line in during_up), "the test did not see `up`"
    for line in during_spawn | during_up:
        assert not found(values, line.encode(errors="replace")), line


def test_no_secret_in_any_log(running: RunningInstance, secrets: tuple[Secrets, set[str]]) -> None:
    values, _ = secrets
    logs = {
        "output of jupyterhub": running.container("jupyterhub").logs(),
        "output of slurm": running.container("slurm").logs(),
        "output of configurable-http-proxy": running.container("configurable-http-proxy").logs(),
        **log_files(running, "jupyterhub", "/var/log"),
        **log_files(running, "slurm", "/var/log", "/home"),
    }
    assert b"[D " in logs["output of jupyterhub"], "the hub does not log at debug level"
    assert b"slurmspawner_sbatch" in logs["slurm:/var/log/slurm/sudo.log"]
    assert b"/api/batchspawner" in logs["jupyterhub:/var/log/jupyterhub/jupyterhub.log"]
    leaks = {name: found(values, text) for name, text in logs.items()}
    assert not {name: names for name, names in leaks.items() if names}


def log_files(running: RunningInstance, container: str, *directories: str) -> dict[str, bytes]:
    """The contents of all log files below some directories of a container."""
    listed = running.run(container, "find", *directories, "-name", "*.log*", "-type", "f", "-size", "+0")
    return {
        f"{container}:{path}": ok(running.run(container, "cat", path)).stdout.encode()
        for path in listed.stdout.splitlines()
    }


def test_no_secret_where_podman_shows_it(running: RunningInstance, secrets: tuple[Secrets, set[str]]) -> None:
    for container in ("configurable-http-proxy", "jupyterhub", "slurm"):
        shown = json.dumps(running.container(container).attrs).encode()
        assert not found(secrets[0], shown)


@pytest.mark.parametrize("container", ["jupyterhub", "slurm"])
def test_images_hold_no_keys(
    running: RunningInstance, secrets: tuple[Secrets, set[str]], container: str
) -> None:
    image = running.container(container).image
    assert image is not None
    assert not found(secrets[0], json.dumps([image.attrs, image.history()]).encode())
    seen = 0
    for path, content in files_of_image(image):
        name = Path(path).name
        # Also what a later layer has deleted: its place in the earlier one, or the mark in the later one.
        assert name.removeprefix(".wh.") not in ("munge.key", "munged.seed", "jupyterhub_cookie_secret"), path
        assert not re.fullmatch(r"(\.wh\.)?(ssh_host_.*_key|id_(rsa|ed25519|ecdsa)|ssh_client_key)", name), (
            path
        )
        assert not found(secrets[0], content), path
        if b"PRIVATE KEY-----" in content and not path.endswith(PUBLISHED):
            assert not PRIVATE_KEY.search(content), path
        seen += 1
    assert seen > 1000
