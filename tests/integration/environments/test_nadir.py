"""`dev_realauth_nadir` and `prod_nadir`: users come through a port that a server's sshd forwards to the pod."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from brics_envs.effects.keys import make_key_pair
from brics_envs.effects.tokens import make_jwks
from brics_envs.errors import BAD_INPUT, FAILED
from brics_envs.plan.names import Instance
from tests.support.commands import ok
from tests.support.existing_deployment import SETTINGS, write_existing
from tests.support.nadir_server import USERS_PORT, NadirServer, start_nadir_server
from tests.support.outside_hosts import ISSUER, Outside, SlurmHost, serve_issuer, slurm_keys, slurm_settings
from tests.support.ports import answers, free_port
from tests.support.processes import status_fields
from tests.support.token_forger import Forger
from tests.support.waiting import wait_for
from tests.support.way_in import Way, check_that_nothing_is_published
from tests.support.world import One

pytestmark = pytest.mark.timeout(900, func_only=True)

Up = Callable[..., str]


@pytest.fixture(scope="module")
def server(around: Outside) -> NadirServer:
    """Nadir's server."""
    return start_nadir_server(around)


@pytest.fixture(scope="module")
def way(server: NadirServer) -> Way:
    """The way in through it, with tokens of an issuer."""
    return Way(server, server.client_key, Forger(ISSUER, make_jwks()["keys"][0]), USERS_PORT)


@pytest.fixture(scope="module")
def dev(around: Outside, server: NadirServer, way: Way) -> Iterator[One]:
    """An instance of dev_realauth_nadir."""
    directory = around.directory / "deploy-dev"
    write_existing(directory, {**SETTINGS["dev_realauth_nadir"], **way.sign_in}, server.files)
    made = One(around.world, Instance("ndev"), free_port(), "dev_realauth_nadir")
    done = made.up("--deploy-dir", str(directory))
    assert "users come through its Nadir tunnel" in done.stdout
    # Ready means open.
    assert server.takes_users()
    serve_issuer(made, way.forger.public)
    yield made
    made.down()


def ready(one: One) -> dict[str, bool]:
    """What `status` says of each container."""
    (shown,) = json.loads(ok(one.world.invoke("status", *one.option, "--json")).stdout)["instances"]
    return {container["name"]: container["ready"] for container in shown["containers"]}


CONTAINERS = ("configurable-http-proxy", "jupyterhub", "nadir-client", "proxy", "slurm")


def test_a_notebook_through_the_tunnel(dev: One, way: Way) -> None:
    way.check_a_notebook(dev)


def test_without_a_token_nobody_gets_in(dev: One, way: Way) -> None:
    assert way.client().get("/hub/login").status_code == 401


def test_nothing_is_published_on_this_machine(dev: One) -> None:
    check_that_nothing_is_published(dev)


def test_the_client_is_confined(dev: One) -> None:
    status = status_fields(dev.run("nadir-client", "cat", "/proc/self/status"))
    for capabilities in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert int(status[capabilities], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert "Read-only file system" in dev.run("nadir-client", "sh", "-c", "touch /etc/x 2>&1 || true")
    images = dev.world.podman("ps", f"--filter=pod={dev.instance.pod}", "--format={{.Names}} {{.Image}}")
    by_name = dict(line.split() for line in images.splitlines())
    name = dev.instance.container
    assert by_name[name("nadir-client")] == by_name[name("jupyterhub")]


def test_a_connection_that_ends_is_opened_again(dev: One, server: NadirServer, way: Way) -> None:
    assert ready(dev) == dict.fromkeys(CONTAINERS, True)
    before = server.connections()
    assert before
    server.drop_connections()
    # It may be open again before anybody has seen it closed.
    wait_for(lambda: not server.connections() & before, "the connection has ended")
    wait_for(server.takes_users, "the client has connected again")
    assert way.client(way.forger.sign()).signed_in


def test_status_knows_a_tunnel_that_is_closed(dev: One, server: NadirServer) -> None:
    server.stop()
    try:
        wait_for(lambda: not ready(dev)["nadir-client"], "status says so", interval_s=0.5)
    finally:
        server.start()
    # Twice the longest pause between attempts, and an attempt: the first may come just before sshd listens.
    wait_for(lambda: ready(dev)["nadir-client"], "it is open again", interval_s=0.5)
    assert server.takes_users()


def test_a_client_that_is_killed_comes_back(dev: One, server: NadirServer) -> None:
    inspect = ("inspect", "--format={{.State.Pid}}", dev.instance.container("nadir-client"))
    pid = dev.world.podman(*inspect)
    os.kill(int(pid), signal.SIGKILL)
    wait_for(lambda: dev.world.podman(*inspect) not in ("0", pid), "the client is back")
    wait_for(
        lambda: ready(dev)["nadir-client"] and server.takes_users(),
        "it is open again",
        interval_s=0.5,
    )


@pytest.fixture
def failed_up(dev: One, around: Outside, server: NadirServer, way: Way) -> Iterator[Up]:
    """The error of an `up` with changed files; afterwards the instance is up as before."""
    settings = {**SETTINGS["dev_realauth_nadir"], **way.sign_in}

    def up(**changes: str) -> str:
        files = server.files | {name.replace("__pub", ".pub"): text for name, text in changes.items()}
        directory = write_existing(around.directory / "deploy-changed", settings, files)
        done = dev.world.invoke("up", *dev.options, "--deploy-dir", str(directory))
        assert done.status == FAILED, done.stderr
        assert "not ready: the Nadir tunnel is open after" in done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    yield up
    dev.up("--deploy-dir", str(around.directory / "deploy-dev"))


def test_a_server_with_another_host_key(failed_up: Up, server: NadirServer) -> None:
    error = failed_up(ssh_nadir_known_hosts=f"{server.address} {make_key_pair('other').public}\n")
    assert "the server's host key is not the one in ssh_nadir_known_hosts" in error
    assert not server.takes_users()


@pytest.mark.full
def test_a_server_that_does_not_let_the_client_in(failed_up: Up, server: NadirServer) -> None:
    other = make_key_pair("unknown")
    error = failed_up(ssh_nadir_key=other.private.decode(), ssh_nadir_key__pub=f"{other.public}\n")
    assert "the server does not let nadir in with ssh_nadir_key" in error


@pytest.mark.full
def test_a_port_that_another_has(dev: One, around: Outside, server: NadirServer) -> None:
    """The server refuses to forward it: no connection stays that leads nowhere."""
    dev.down()
    server.stop()
    server.start()
    # sshd is content with one of the two families.
    both = f"socket.create_server(('', {USERS_PORT}), family=socket.AF_INET6, dualstack_ipv6=True)"
    listen = f"import socket; s = {both}; s.accept()"
    server.world.podman("exec", "--detach", server.name, "python3", "-c", listen)
    try:
        done = dev.world.invoke("up", *dev.options, "--deploy-dir", str(around.directory / "deploy-dev"))
        assert done.status == FAILED
        assert "the server does not forward its port 8000" in done.stderr
    finally:
        # It ends with its first user.
        assert answers(server.address, USERS_PORT)
    # The client goes on trying.
    dev.up("--deploy-dir", str(around.directory / "deploy-dev"))
    assert server.takes_users()


def test_a_server_without_a_known_key_is_refused(dev: One, around: Outside, server: NadirServer) -> None:
    files = {name: text for name, text in server.files.items() if name != "ssh_nadir_known_hosts"}
    directory = write_existing(around.directory / "deploy-blind", SETTINGS["dev_realauth_nadir"], files)
    done = dev.world.invoke("up", *dev.options, "--deploy-dir", str(directory))
    assert done.status == BAD_INPUT
    assert f"{directory}/ssh_nadir_known_hosts: " in done.stderr


# -- prod_nadir

BUILTIN = ("--base", "local", "--repo", "bricsauthenticator=builtin")


@pytest.mark.full
def test_a_notebook_in_production(
    dev: One, around: Outside, server: NadirServer, way: Way, slurm_host: SlurmHost
) -> None:
    dev.down()
    settings = {**SETTINGS["prod_nadir"], **slurm_settings(slurm_host, around, free_port()), **way.sign_in}
    directory = write_existing(
        around.directory / "deploy-prod", settings, slurm_keys(slurm_host) | server.files
    )
    prod = One(around.world, Instance("nprod"), free_port(), "prod_nadir")
    prod.up(*BUILTIN, "--deploy-dir", str(directory))
    try:
        serve_issuer(prod, way.forger.public)
        assert ready(prod) == dict.fromkeys(CONTAINERS[:-1], True)
        client = way.client(way.forger.sign())
        client.start(brics_project="project1.brics")
        printed = client.run("import getpass, os; print(os.environ['SLURM_JOB_ID'], getpass.getuser())")
        assert [printed.strip()] == slurm_host.jobs()
        client.stop()
        (shown,) = json.loads(prod.world.podman("inspect", prod.instance.container("nadir-client")))
        assert shown["HostConfig"]["Memory"] > 0
    finally:
        prod.down()
