"""`dev_realauth_zenithclient` and `prod`: users come through a tunnel, with tokens of an external issuer."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest
import requests

from brics_envs.effects.keys import make_key_pair
from brics_envs.effects.tokens import make_jwks
from brics_envs.errors import BAD_INPUT, FAILED
from brics_envs.plan.names import Instance
from tests.support.commands import ok
from tests.support.existing_deployment import SETTINGS, write_existing
from tests.support.header_log import LOG_HEADERS
from tests.support.hub_client import TIMEOUT_S
from tests.support.outside_hosts import (
    CLIENT_IMAGE,
    ISSUER,
    Outside,
    SlurmHost,
    build_zenith_client,
    serve_issuer,
    slurm_keys,
    slurm_settings,
    start_zenith_server,
    zenith_files,
)
from tests.support.ports import free_port
from tests.support.processes import status_fields
from tests.support.real_instance import TOKEN_HEADER
from tests.support.token_forger import Forger
from tests.support.waiting import wait_for
from tests.support.way_in import Way, check_that_nothing_is_published
from tests.support.world import One

pytestmark = pytest.mark.timeout(900, func_only=True)

TWELVE_HOURS_S = 12 * 3600


@pytest.fixture(scope="module")
def way(around: Outside) -> Way:
    """A Zenith server, outside, and an issuer."""
    client_key, jwk = make_key_pair("zenith-client"), make_jwks()["keys"][0]
    build_zenith_client(around)
    image = "ghcr.io/azimuth-cloud/zenith-client:0.16.1"
    around.world.replace("config/versions.yaml", image, CLIENT_IMAGE)
    server = start_zenith_server(around, client_key)
    return Way(server, client_key, Forger(ISSUER, jwk))


# -- dev_realauth_zenithclient


@pytest.fixture(scope="module")
def dev(around: Outside, way: Way) -> Iterator[One]:
    """An instance of dev_realauth_zenithclient."""
    directory = around.directory / "deploy-dev"
    settings = {**SETTINGS["dev_realauth_zenithclient"], **way.sign_in}
    write_existing(directory, settings, zenith_files(way.server, way.client_key))
    made = One(around.world, Instance("zen"), free_port(), "dev_realauth_zenithclient")
    done = made.up("--deploy-dir", str(directory))
    assert "Zenith" in done.stdout
    assert way.forger.issuer in done.stdout
    serve_issuer(made, way.forger.public)
    yield made
    made.down()


def test_a_notebook_through_the_tunnel(dev: One, way: Way) -> None:
    way.check_a_notebook(dev)


def test_without_a_token_nobody_gets_in(dev: One, way: Way) -> None:
    assert way.client().get("/hub/login").status_code == 401


SIGN_OUT = "/jupyter/_oidc/sign_out?rd=%2Fjupyter"
"""Where Zenith's proxy ends its own session."""


def test_signing_out_goes_on_to_the_other_end(dev: One, way: Way) -> None:
    client = way.client(way.forger.sign())
    assert client.signed_in
    answer = client.get("/hub/logout", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, SIGN_OUT)
    assert not client.signed_in


def test_a_token_that_has_expired_is_no_dead_end(dev: One, way: Way) -> None:
    client = way.client(way.forger.sign())
    headers = {TOKEN_HEADER: way.forger.with_claims(exp=1)}
    answer = client.get("/hub/login", headers=headers, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, SIGN_OUT)
    assert not client.signed_in
    # What comes back is no better: there is no point in going round and round.
    page = client.get("/hub/login", headers=headers, allow_redirects=False)
    assert page.status_code == 401
    assert "the token has expired" in page.text
    assert f'href="{SIGN_OUT}"' in page.text


@pytest.mark.parametrize("path", ["/user/testuser/api/status", "/hub/../user/testuser/api/status"])
def test_a_token_from_outside_reaches_no_notebook_server(dev: One, way: Way, path: str) -> None:
    """The server would log all that it gets."""
    account, home = "testuser.project1", "/home/project1/testuser.project1"
    script = 'mkdir -p ~/.jupyter && printf %s "$1" >~/.jupyter/jupyter_server_config.py'
    dev.run("slurm", "su", account, "-c", f"sh -c {shlex.quote(script)} sh {shlex.quote(LOG_HEADERS)}")
    client = way.client(way.forger.sign())
    try:
        client.start(brics_project="project1.brics")
        client.open_lab()
        request = requests.Request(
            "GET", f"{client.url}/user/testuser/", headers={TOKEN_HEADER: way.forger.sign()}
        )
        prepared = client.http.prepare_request(request)
        prepared.url = f"{client.url}{path}"
        assert client.http.send(prepared, timeout=TIMEOUT_S).ok
        seen = dev.run("slurm", "cat", f"{home}/headers")
        assert "/user/testuser/api/status" in seen
        assert TOKEN_HEADER.lower() not in seen.lower()
    finally:
        client.stop()
        dev.run("slurm", "rm", "-f", f"{home}/.jupyter/jupyter_server_config.py", f"{home}/headers")


def test_nothing_is_published_on_this_machine(dev: One) -> None:
    check_that_nothing_is_published(dev)


def test_status_knows_the_tunnel(dev: One) -> None:
    (one,) = json.loads(ok(dev.world.invoke("status", *dev.option, "--json")).stdout)["instances"]
    assert one["state"] == "ready"
    names = ("configurable-http-proxy", "jupyterhub", "proxy", "slurm", "zenith-client")
    assert {c["name"]: c["ready"] for c in one["containers"]} == dict.fromkeys(names, True)


def test_a_way_past_the_tunnel_is_refused(dev: One, around: Outside) -> None:
    options = ("--deploy-dir", str(around.directory / "deploy-dev"), "--direct-port", str(free_port()))
    done = dev.world.invoke("up", *dev.options, *options)
    assert done.status == BAD_INPUT
    assert "only through its Zenith tunnel" in done.stderr


def test_a_server_that_does_not_let_the_client_in(dev: One, around: Outside, way: Way) -> None:
    directory = around.directory / "deploy-refused"
    files = zenith_files(way.server, make_key_pair("unknown"))
    write_existing(directory, {**SETTINGS["dev_realauth_zenithclient"], **way.sign_in}, files)
    done = dev.world.invoke("up", *dev.options, "--deploy-dir", str(directory))
    assert done.status == FAILED
    assert "not ready:" in done.stderr
    assert "zenith-client" in done.stderr
    assert "Permission denied" in done.stderr, f"the client's log explains it: {done.stderr}"
    dev.up("--deploy-dir", str(around.directory / "deploy-dev"))


# -- prod

BUILTIN = ("--base", "local", "--repo", "bricsauthenticator=builtin")


@pytest.fixture(scope="module")
def prod(dev: One, around: Outside, way: Way, slurm_host: SlurmHost) -> Iterator[One]:
    """An instance of prod, which gets the tunnel when the other instance is down."""
    dev.down()
    settings = {**SETTINGS["prod"], **slurm_settings(slurm_host, around, free_port()), **way.sign_in}
    files = slurm_keys(slurm_host) | zenith_files(way.server, way.client_key)
    directory = write_existing(around.directory / "deploy-prod", settings, files)
    made = One(around.world, Instance("prod"), free_port(), "prod")
    made.up(*BUILTIN, "--deploy-dir", str(directory))
    serve_issuer(made, way.forger.public)
    yield made
    made.down()


def test_a_notebook_in_production(prod: One, way: Way, slurm_host: SlurmHost) -> None:
    client = way.client(way.forger.sign())
    client.start(brics_project="project1.brics")
    printed = client.run("import getpass, os; print(os.environ['SLURM_JOB_ID'], getpass.getuser())")
    assert [printed.strip()] == slurm_host.jobs()
    client.stop()
    wait_for(lambda: slurm_host.jobs() == [], "the job has ended")


AGED = """
import sys, time
from pathlib import Path
from tornado.web import create_signed_value, decode_signed_value
secret = bytes.fromhex(Path("/srv/jupyterhub/jupyterhub_cookie_secret").read_text().strip())
name, value, age_s = sys.argv[1], sys.argv[2], float(sys.argv[3])
content = decode_signed_value(secret, name, value)
print(create_signed_value(secret, name, content, clock=lambda: time.time() - age_s).decode())
"""
"""Makes of a cookie of the hub the one that it would have given some seconds ago."""

LOGIN_COOKIE = "jupyterhub-hub-login"


def test_sign_in_cookies_last_twelve_hours(prod: One, way: Way) -> None:
    # As Zenith hands requests on that came to it over HTTPS.
    headers = {TOKEN_HEADER: way.forger.sign(), "X-Forwarded-Proto": "https"}
    answer = way.client().get("/hub/login", headers=headers, allow_redirects=False)
    (cookie,) = (cookie for cookie in answer.cookies if cookie.name == LOGIN_COOKIE)
    assert cookie.expires is not None
    assert (
        abs(cookie.expires - parsedate_to_datetime(answer.headers["Date"]).timestamp() - TWELVE_HOURS_S) < 60
    )
    assert cookie.secure
    assert cookie.has_nonstandard_attr("HttpOnly")

    # Nor does the hub take one for longer, whatever the browser does.
    for age_s, counts in ((TWELVE_HOURS_S - 600, True), (TWELVE_HOURS_S + 600, False)):
        client = way.client()
        value = str(cookie.value).strip('"')
        aged = prod.run("jupyterhub", "python3", "-c", AGED, LOGIN_COOKIE, value, str(age_s))
        client.http.cookies.set(LOGIN_COOKIE, f'"{aged}"', path="/jupyter/hub/")
        assert client.signed_in == counts, f"after {age_s} s"


def test_containers_are_confined(prod: One) -> None:
    for name, uid in (
        ("jupyterhub", "10000"),
        ("configurable-http-proxy", "10003"),
        ("proxy", "10002"),
        ("zenith-client", "1001"),
    ):
        assert prod.run(name, "id", "-u") == uid
        status = status_fields(prod.run(name, "cat", "/proc/self/status"))
        for capabilities in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            assert int(status[capabilities], 16) == 0
        assert status["NoNewPrivs"] == "1"
        written = prod.run(name, "sh", "-c", "touch /etc/written 2>&1 || true")
        assert "Read-only file system" in written
        (shown,) = json.loads(prod.world.podman("inspect", prod.instance.container(name)))
        assert shown["HostConfig"]["Memory"] > 0
        assert shown["HostConfig"]["CpuQuota"] > 0


def test_images_are_those_of_stage_prod(prod: One) -> None:
    images = prod.world.podman("ps", f"--filter=pod={prod.instance.pod}", "--format={{.Image}}").split()
    assert {"localhost/brics_jupyterhub:prod", "localhost/brics_proxy:prod"} <= set(images)
    names = "import importlib.metadata as m; print(*m.entry_points(group='jupyterhub.authenticators').names)"
    assert "dummy" not in prod.run("jupyterhub", "python3", "-c", names).split()
    assert prod.run("jupyterhub", "sh", "-c", "ls -d /opt/src 2>/dev/null || true") == ""


def test_production_has_no_password_and_no_users_of_its_own(prod: One) -> None:
    assert not (prod.directory / "password").exists()
    names = {name.rpartition("-")[0] for name in prod.world.things().secrets}
    assert names == {
        "jupyterhub-slurm-metrics",
        "jupyterhub-slurm-proxy-api",
        "jupyterhub-slurm-ssh-client-key",
        "jupyterhub-slurm-zenith-client",
    }


def test_the_production_instance_leaves_nothing(prod: One) -> None:
    prod.down()
    things = prod.world.things()
    for kind in (things.pods, things.volumes, things.secrets, things.networks):
        assert not [name for name in kind if "-prod" in name or "_prod" in name]
    assert not [image for image in things.images if "brics_jupyterhub:prod" in image]
