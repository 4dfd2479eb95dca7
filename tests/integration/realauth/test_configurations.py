"""What `up` and `token` make of dev_realauth's settings and options. Leaves the instance as it was."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from brics_envs.plan.ports import ISSUER_OFFSET, beside
from tests.support.checkout import PROJECT
from tests.support.commands import invoke, ok
from tests.support.forwarder import forwarder
from tests.support.ports import OWN_ADDRESS, answers
from tests.support.real_instance import TOKEN_HEADER, RealClient, RealInstance, free_sign_in_port
from tests.support.running_instance import RunningInstance
from tests.support.token_forger import Forger, issuer_documents
from tests.support.waiting import wait_for

AUTH_STATE = """
import asyncio, json, sys
from jupyterhub import orm
from jupyterhub.crypto import CryptKeeper, decrypt
state = "/srv/jupyterhub"
CryptKeeper.instance().keys = [open(f"{state}/jupyterhub_crypt_key", "rb").read()]
session = orm.new_session_factory(f"sqlite:///{state}/jupyterhub.sqlite")()
users = session.query(orm.User).filter(orm.User.name.in_(sys.argv[1:]))
async def main():
    print(json.dumps({user.name: await decrypt(user.encrypted_auth_state) for user in users}))
asyncio.run(main())
"""


def auth_states(instance: RunningInstance, *users: str) -> dict[str, object]:
    """What the hub keeps of users' last sign-in."""
    states: dict[str, object] = json.loads(instance.hub("python3", "-c", AUTH_STATE, *users))
    return states


def test_dummy_and_real_sign_in_give_the_same_auth_state(
    real: RealInstance, running: RunningInstance
) -> None:
    users = ("testuser", "otheruser")
    for user in users:
        assert real.client(user).signed_in
        assert running.client(user).signed_in
    real_states, dummy_states = auth_states(real, *users), auth_states(running, *users)
    assert set(real_states) == set(users)
    assert real_states == dummy_states


def test_no_token_of_an_instance_without_issuer(running: RunningInstance) -> None:
    done = invoke("token", *running.option, "--user", "testuser")
    assert done.status == 2
    assert "has no local issuer" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--user", "nobody"], "is not in dev_users"),
        ([], "--user"),
        (["--user", "testuser", "--expires-in", "soon"], "--expires-in"),
        (["--user", "testuser", "--claim", "x"], "--claim"),
        (["--user", "testuser", "--claim", "iss=7"], "--claim"),
        (["--user", "testuser", "--claim", "x=" + "[" * 100_000], "--claim: nested too deeply"),
    ],
)
def test_token_options_that_are_refused(real: RealInstance, options: list[str], words: str) -> None:
    done = real.invoke("token", *real.option, *options)
    assert done.status == 2
    assert words in done.stderr
    assert not done.stdout


def test_token_options_that_count(real: RealInstance) -> None:
    token = real.token(
        "testuser", "--project", "a", "--project", "b", "--expires-in", "60", "--claim", "n=[1]"
    )
    claims = jwt.decode(token, options={"verify_signature": False})
    assert list(claims["projects"]) == ["a.brics", "b.brics"]
    assert claims["exp"] - claims["iat"] == 60
    assert claims["n"] == [1]
    assert claims["iss"] == real.issuer


def test_the_pages_curl_command_signs_in(real: RealInstance) -> None:
    """The command of docs/real-sign-in.md, with this instance's name and port."""
    (command,) = re.findall(r"^curl .*\\\n.*", (PROJECT / "docs/real-sign-in.md").read_text(), re.MULTILINE)
    assert ":8005/" in command
    command = command.replace(":8005/", f":{real.direct_port}/")
    command = command.replace(
        "invoke token", shlex.join([sys.executable, "-m", "invoke", "token", *real.option])
    )
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=real.root,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert 'name="brics_project"' in done.stdout


# -- refused before anything is created


def refused(real: RealInstance, port: int, *options: str) -> str:
    """The error of an `up` of a further instance that exits with 2 and creates nothing."""
    done = real.invoke("up", "--env", "dev_realauth", "--instance", "refused", "--port", str(port), *options)
    assert done.status == 2, f"{done.status}: {done.stderr}"
    assert "Traceback" not in done.stderr
    assert not (real.root / "_build/refused").exists()
    assert not [c for c in real.podman.containers.list(all=True) if c.name and "-refused-" in c.name]
    assert not [v for v in real.podman.volumes.list() if v.name.endswith("refused")]
    return done.stderr


def test_missing_dev_users(real: RealInstance) -> None:
    file = real.root / "config/dev_realauth/dev_users"
    text = file.read_text()
    file.unlink()
    try:
        error = refused(real, free_sign_in_port())
    finally:
        file.write_text(text)
    for words in (str(file), "<USER>.<PROJECT>", f"cp {file}.example {file}"):
        assert words in error


@pytest.mark.parametrize("inside", [8000, 8001, 8010, 8011, 8081, 6817, 6818, 6900])
def test_issuers_port_is_none_of_the_pods(real: RealInstance, inside: int) -> None:
    assert str(inside) in refused(real, inside - ISSUER_OFFSET)


def test_ports_collide(real: RealInstance) -> None:
    port = free_sign_in_port()
    assert "sign-in port" in refused(real, port, "--direct-port", str(port))
    assert "issuer" in refused(real, port, "--direct-port", str(port + ISSUER_OFFSET))
    assert "65535" in refused(real, 65535 - ISSUER_OFFSET + 1)


def test_port_that_is_taken(real: RealInstance) -> None:
    """Of the issuer: by another program, before anything is created."""
    port = free_sign_in_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + ISSUER_OFFSET))
        other.listen()
        done = real.invoke("up", "--env", "dev_realauth", "--instance", "refused", "--port", str(port))
    assert done.status == 1
    assert str(port + ISSUER_OFFSET) in done.stderr
    assert not [c for c in real.podman.containers.list(all=True) if c.name and "-refused-" in c.name]


# -- without --direct-port


@pytest.fixture
def closed(real: RealInstance) -> Iterator[RealInstance]:
    """The instance without --direct-port."""
    real.up()
    yield real
    real.up("--direct-port", str(real.direct_port))


def test_hub_is_reached_through_the_proxy_alone(closed: RealInstance) -> None:
    address = closed.slurm("python3", "-c", OWN_ADDRESS).strip()
    assert answers(address, 8010), "this test would see no open port"
    assert not answers("127.0.0.1", closed.direct_port)
    for port in (8000, 8001, 8011, 8081, 22, 6817, 6818):
        assert not answers(address, port), port
    assert closed.client("testuser").signed_in


# -- through forwarded ports


@pytest.fixture
def forwarded(real: RealInstance, root: Path) -> Iterator[str]:
    """The instance behind other ports and another name, as with `ssh -L`: its address there."""
    port = free_sign_in_port()
    local = root / "config/dev_realauth/deploy.local.yaml"
    before = local.read_text()
    local.write_text(f"{before}publicUrl: http://localhost:{port}/\n")
    printed = real.up()
    assert f"http://localhost:{port}/jupyter/" in printed
    assert f"-L {port + ISSUER_OFFSET}:127.0.0.1:{real.port + ISSUER_OFFSET}" in printed
    with forwarder(port, real.port), forwarder(port + ISSUER_OFFSET, real.port + ISSUER_OFFSET):
        yield f"http://localhost:{port}"
    local.write_text(before)
    real.up("--direct-port", str(real.direct_port))


@pytest.mark.timeout(900, func_only=True)
def test_other_port_and_name(real: RealInstance, forwarded: str) -> None:
    issuer = beside(forwarded)
    client = RealClient(f"{forwarded}/jupyter")
    page = client.sign_in("testuser", real.password)
    seen = [answer.url for answer in (*page.history, page)]
    assert all(url.startswith((f"{forwarded}/", f"{issuer}/")) for url in seen), seen
    assert client.signed_in
    assert {cookie.domain for cookie in client.http.cookies} <= {"localhost.local", "localhost"}
    client.sign_out()
    assert not client.signed_in

    # The machine's own port leads to the address that cookies and provider know.
    answer = real.client().get("/hub/home", allow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["Location"] == f"{forwarded}/jupyter/hub/home"
    assert forwarded in ok(real.invoke("status", *real.option)).stdout
    ok(real.invoke("smoke", "--env", "dev_realauth", *real.option, timeout_s=300))


def test_a_public_url_is_for_the_local_issuer(real: RealInstance, root: Path) -> None:
    local = root / "config/dev_dummyauth/deploy.local.yaml"
    local.write_text("publicUrl: http://localhost:9000\n")
    done = real.invoke("up", "--env", "dev_dummyauth", "--instance", "refused", "--dry-run")
    local.unlink()
    assert done.status == 2
    assert "publicUrl: only dev_realauth with its own issuer has it" in done.stderr


# -- an issuer elsewhere

ELSEWHERE = "http://127.0.0.1:9099/realms/x"
"""Nobody, until the test lets a web server answer there, in the pod."""


@pytest.fixture
def external(real: RealInstance, root: Path) -> Iterator[RealInstance]:
    """The instance with an issuer elsewhere."""
    local = root / "config/dev_realauth/deploy.local.yaml"
    before = local.read_text()
    local.write_text(f"{before}oidcServer: {ELSEWHERE}\n")
    printed = real.up()
    assert ELSEWHERE in printed
    yield real
    local.write_text(before)
    real.up("--direct-port", str(real.direct_port))


def test_external_issuer(external: RealInstance) -> None:
    status = json.loads(ok(external.invoke("status", *external.option, "--json")).stdout)
    (one,) = status["instances"]
    assert {container["name"] for container in one["containers"]} == {
        "configurable-http-proxy",
        "jupyterhub",
        "proxy",
        "slurm",
    }
    assert not answers("127.0.0.1", external.port + ISSUER_OFFSET)

    done = external.invoke("token", *external.option, "--user", "testuser")
    assert done.status == 2
    assert "has no local issuer" in done.stderr
    assert not done.stdout
    wrong = external.invoke(
        "up",
        "--env",
        external.environment,
        *external.option,
        "--port",
        str(external.port),
        "--direct-port",
        "9",
    )
    assert wrong.status == 2

    # Traffic with a token is expected: without one 401; with one 503 as long as that issuer cannot be reached.
    forger = Forger.of(external)
    token = forger.with_claims(iss=ELSEWHERE)
    assert sign_in_status(external, "") == 401
    wait_for(lambda: sign_in_status(external, token) == 503, "nobody can judge tokens", 30, 1)
    serve_issuer(external, forger.public)
    wait_for(lambda: sign_in_status(external, token) == 302, "tokens of that issuer count", 30, 1)
    assert sign_in_status(external, forger.sign()) == 401, "those of the former issuer do not"


def sign_in_status(real: RealInstance, token: str) -> int:
    """The status with which the sign-in port answers a token in a new session."""
    headers = {TOKEN_HEADER: token} if token else {}
    return real.client().get("/hub/login", headers=headers, allow_redirects=False).status_code


def serve_issuer(real: RealInstance, public_jwk: dict[str, str]) -> None:
    """Let a web server in the pod give an issuer's documents, as long as the pod lives."""
    for name, document in issuer_documents(ELSEWHERE, public_jwk).items():
        file = f"/srv/issuer/realms/x/{name}"
        script = 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"'
        real.slurm("sh", "-c", script, "sh", file, json.dumps(document))
    serve = ["python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "/srv/issuer", "9099"]
    real.container("slurm").exec_run(serve, detach=True)
