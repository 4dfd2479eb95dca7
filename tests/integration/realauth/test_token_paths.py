"""The token reaches the hub's sign-in and nothing else, however a request is written."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tests.support.containers import container_down
from tests.support.header_log import LOG_HEADERS
from tests.support.hub_client import TIMEOUT_S
from tests.support.pod_ports import assert_nobody_takes
from tests.support.real_instance import TOKEN_HEADER, RealClient, RealInstance

ACCOUNT = "testuser.project1"
HOME = f"/home/project1/{ACCOUNT}"
HEADERS = f"{HOME}/headers"


def raw(port: int, line: str, *headers: str) -> tuple[int, str]:
    """Send a request exactly so; the status and the header of the answer."""
    request = "\r\n".join(
        [f"{line} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close", *headers, "", ""]
    )
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = b""
        while b"\r\n\r\n" not in answer and (received := connection.recv(65536)):
            answer += received
    head = answer.decode("latin-1").partition("\r\n\r\n")[0]
    return int(head.split()[1]), head


@pytest.fixture(scope="module")
def token(real: RealInstance) -> str:
    """A token of testuser's, the same in all tests: `invoke token` takes a second of processor."""
    return real.token("testuser")


@pytest.fixture(scope="module")
def notebook(real: RealInstance) -> Iterator[RealClient]:
    """testuser's client, with a notebook server that notes the headers of all its requests."""
    script = 'mkdir -p ~/.jupyter && printf %s "$1" >~/.jupyter/jupyter_server_config.py'
    real.slurm("env", f"HOME={HOME}", "sh", "-c", script, "sh", LOG_HEADERS, user=ACCOUNT)
    client = real.client("testuser")
    client.stop()
    try:
        client.start(brics_project="project1.brics")
        client.open_lab()
        yield client
    finally:
        client.stop()
        real.slurm("rm", "-f", f"{HOME}/.jupyter/jupyter_server_config.py", HEADERS)


def headers_seen(real: RealInstance) -> list[tuple[str, dict[str, str]]]:
    """Path and headers of the requests that the notebook server has had since this was last asked."""
    lines = real.run("slurm", "cat", HEADERS).stdout.splitlines()
    real.slurm("rm", "-f", HEADERS)
    return [
        (path, {name.lower(): value for name, value in headers}) for path, *headers in map(json.loads, lines)
    ]


USER = "/jupyter/user/testuser/api/status"
LINES = {
    "as it is": f"GET {USER}",
    "dots": f"GET /jupyter/hub/..{USER.removeprefix('/jupyter')}",
    "dots behind the sign-in": f"GET /jupyter/hub/login/../..{USER.removeprefix('/jupyter')}",
    "encoded dots": f"GET /jupyter/hub/%2e%2e{USER.removeprefix('/jupyter')}",
    "half encoded dots": f"GET /jupyter/hub/login/.%2e/%2e.{USER.removeprefix('/jupyter')}",
    "double slashes": "GET //jupyter//user/testuser//api/status",
    "encoded letters": "GET /jupyter/%75ser/testuser/api/status",
    "the sign-in as query": f"GET {USER}?/jupyter/hub/login",
    "the sign-in as a line": f"GET {USER}?%20/jupyter/hub/login%20HTTP/1.1",
    "a parameter": f"GET {USER};/jupyter/hub/login",
    "absolute": f"GET http://HOST{USER}",
    "absolute, with dots behind the sign-in": f"GET http://HOST/jupyter/hub/login/../../..{USER}",
    "POST": f"POST {USER}",
    "HEAD": f"HEAD {USER}",
}

NEVER_THERE = {
    "absolute, the sign-in as host": f"GET http://jupyter/hub/login/../..{USER}",
    "backslash": "GET /jupyter/hub/..\\user/testuser/api/status",
    "backslashes": "GET \\jupyter\\user\\testuser\\api\\status",
    "encoded backslash": "GET /jupyter/hub/..%5cuser/testuser/api/status",
    "encoded slash": "GET /jupyter/hub/..%2fuser/testuser/api/status",
    "twice encoded dots": "GET /jupyter/hub/%252e%252e/user/testuser/api/status",
    "fragment": f"GET /jupyter/hub/login#/../../..{USER}",
    "tab": f"GET /jupyter/hub/login\t/../..{USER}",
}

SPELLINGS = (
    TOKEN_HEADER,
    TOKEN_HEADER.lower(),
    TOKEN_HEADER.upper(),
    "X_Auth_Id_Token",
    "X-Auth-Id_Token",
    "x_auth-id-token",
)


@pytest.mark.parametrize("line", list((LINES | NEVER_THERE).values()), ids=list(LINES | NEVER_THERE))
@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_no_notebook_server_gets_a_token(
    real: RealInstance, notebook: RealClient, token: str, line: str, way: str
) -> None:
    headers_seen(real)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in notebook.http.cookies)
    port = real.direct_port if way == "direct" else real.port
    for name in SPELLINGS:
        raw(
            port,
            line.replace("HOST", f"127.0.0.1:{port}"),
            f"Cookie: {cookies}",
            f"{name}: {token}",
            f"{name}: twice",
            "Content-Length: 0",
        )
    seen = headers_seen(real)
    if line in LINES.values():
        assert len(seen) >= len(SPELLINGS), f"the server was not reached: {seen}"
    for path, headers in seen:
        assert not [name for name in headers if "auth" in name and "token" in name], path
        assert not [value for value in headers.values() if "eyJ" in value], path


@pytest.mark.parametrize("connection", ["Upgrade", f"Upgrade, {TOKEN_HEADER}", f"close, {TOKEN_HEADER}"])
def test_a_websocket_gets_no_token(
    real: RealInstance, notebook: RealClient, token: str, connection: str
) -> None:
    headers_seen(real)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in notebook.http.cookies)
    for port in (real.direct_port, real.port):
        raw(
            port,
            f"GET {USER}",
            f"Cookie: {cookies}",
            "Upgrade: websocket",
            f"Connection: {connection}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            f"{TOKEN_HEADER}: {token}",
        )
    seen = headers_seen(real)
    assert seen
    assert not [headers for _, headers in seen if TOKEN_HEADER.lower() in headers]


@pytest.mark.parametrize(
    ("line", "signs_in"),
    [
        ("GET /jupyter/hub/login", True),
        ("GET /jupyter/hub/login?next=%2Fjupyter%2Fhub%2Fhome", True),
        ("GET /jupyter/hub/login/", False),
        ("GET //jupyter/hub/login", False),
        ("GET /jupyter/hub/./login", False),
        ("GET /jupyter/hub/%6cogin", False),
        ("GET /jupyter/hub/x/../login", False),
        ("GET /jupyter/hub/login;x", False),
        ("GET http://127.0.0.1/jupyter/hub/login", False),
        ("GET /jupyter/hub/home", False),
        ("GET /jupyter/hub/api/user", False),
    ],
)
def test_the_sign_in_gets_it_if_it_is_named_exactly(
    real: RealInstance, token: str, line: str, signs_in: bool
) -> None:
    status, head = raw(real.direct_port, line, f"{TOKEN_HEADER}: {token}")
    assert ("jupyterhub-hub-login=" in head) == signs_in, head
    assert (status == 302 and "Location: /jupyter/hub/login" not in head) or not signs_in


def test_a_job_takes_no_port_of_the_sign_in(real: RealInstance) -> None:
    names = ("issuer", "proxy", "configurable-http-proxy", "jupyterhub")
    assert_nobody_takes(real, {name: container_down(real, name) for name in names})


def test_the_issuers_port_leads_to_the_issuer_alone(real: RealInstance) -> None:
    """A job may listen on the port that the issuer has on the host; in the pod too it leads to the issuer."""
    port = real.issuer.rpartition(":")[2]
    listen = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
    get = (
        "import sys, urllib.request as u;"
        f"print(u.urlopen('{real.issuer}/.well-known/openid-configuration', timeout=30).status)"
    )
    real.container("slurm").exec_run(["timeout", "60", "python3", "-c", listen], user=ACCOUNT, detach=True)
    assert real.hub("python3", "-c", get).strip() == "200"
    with container_down(real, "issuer"):
        done = real.run("jupyterhub", "python3", "-c", get)
        assert "Connection refused" in done.stderr, done
