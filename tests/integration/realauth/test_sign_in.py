"""Sign-in through the proxy and the provider: sessions, projects, headers, and what may pass the proxy."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.integration.realauth.conftest import MANY, MANY_PROJECTS, MOST, MOST_PROJECTS
from tests.support.commands import ok
from tests.support.header_log import LOG_HEADERS
from tests.support.hub_client import TIMEOUT_S, forms
from tests.support.real_instance import TOKEN_HEADER, RealClient, RealInstance
from tests.support.waiting import wait_for

WHOAMI = "import getpass, os; print(getpass.getuser(), os.getcwd(), end='')"


def signed_in_as(client: RealClient) -> str:
    """The user whose session the hub has."""
    name: str = client.request("GET", "/hub/api/user").json()["name"]
    return name


def at_the_password(real: RealInstance, page: requests.Response) -> bool:
    """Whether a page is the provider's, and asks for a password."""
    return page.url.startswith(f"{real.issuer}/interaction/") and any(
        "password" in form.fields for form in forms(page)
    )


@pytest.mark.parametrize("user", ["testuser", "otheruser"])
def test_every_user_signs_in(real: RealInstance, user: str) -> None:
    assert signed_in_as(real.client(user)) == user


def test_sign_in_page_names_nobody(real: RealInstance) -> None:
    page = real.client().get("/hub/home")
    assert at_the_password(real, page)
    for name in ("testuser", "otheruser", MANY, "project1"):
        assert name not in page.text


@pytest.mark.parametrize(
    ("user", "password"),
    [("testuser", "wrong"), ("testuser", ""), ("nobody", None), ("testuser.project1", None), ("", None)],
)
def test_anything_else_gets_the_form_again(real: RealInstance, user: str, password: str | None) -> None:
    client = real.client()
    page = client.sign_in(user, real.password if password is None else password)
    assert page.status_code in (403, 429)
    assert at_the_password(real, page)
    assert not client.signed_in


def test_session_goes_to_the_page_that_was_asked_for(real: RealInstance) -> None:
    page = real.client().sign_in("testuser", real.password, following="/hub/token")
    assert urlsplit(page.url).path == "/jupyter/hub/token"


def test_sign_out_ends_all_three_sessions(real: RealInstance) -> None:
    client = real.client("testuser")
    client.get("/hub/home")
    # The provider's cookie lives on the same host: cookies know no ports.
    before = client.http.cookies.copy()
    kinds = {"jupyterhub-session-id", "jupyterhub-hub-login", "signin_", "issuer_"}
    assert {kind for kind in kinds for cookie in before if cookie.name.startswith(kind)} == kinds
    page = client.sign_out()
    assert at_the_password(real, page), page.url
    assert at_the_password(real, client.get("/hub/home"))

    # What somebody kept of the sessions is worth nothing either: each one's cookies alone, and all together.
    for names in ({"jupyterhub-"}, {"signin_"}, {"issuer_"}, {"jupyterhub-", "signin_", "issuer_"}):
        thief = real.client()
        for cookie in before:
            if cookie.name.startswith(tuple(names)):
                thief.http.cookies.set_cookie(cookie)
        assert at_the_password(real, thief.get("/hub/home")), names
    past_the_proxy = RealClient(real.direct_url)
    for cookie in before:
        past_the_proxy.http.cookies.set_cookie(cookie)
    assert not past_the_proxy.signed_in


# -- projects


def test_projects_are_those_of_the_token(real: RealInstance) -> None:
    for projects in (["project1", "project2"], ["project2"], ["project1"]):
        options = [word for project in projects for word in ("--project", project)]
        client = real.with_token(real.token("testuser", *options), "testuser")
        assert client.spawn_form().choices["brics_project"] == [f"{project}.brics" for project in projects]


def test_job_runs_as_the_account_of_the_chosen_project(real: RealInstance, testuser: RealClient) -> None:
    for project in ("project2", "project1"):
        testuser.start(brics_project=f"{project}.brics")
        account = f"testuser.{project}"
        assert testuser.run(WHOAMI) == f"{account} /home/{project}/{account}"
        testuser.stop()


@pytest.mark.parametrize("project", ["project2.brics", "project1.other", "project1", "", "../project1.brics"])
def test_project_that_is_not_in_the_token_is_refused(real: RealInstance, project: str) -> None:
    """Through the form and through the API; also one that an earlier token had."""
    real.with_token(real.token("testuser"), "testuser")
    client = real.with_token(real.token("testuser", "--project", "project1"), "testuser")
    page = client.submit(client.spawn_form(), {"brics_project": project})
    assert page.status_code in (200, 400)
    assert 'name="brics_project"' in page.text, "the form is not shown again"
    assert client.server() is None
    answer = client.start_by_api({"brics_project": project})
    assert answer.status_code == 400, f"{answer.status_code}: {answer.text}"
    assert client.server() is None
    assert not real.jobs("testuser.project1") + real.jobs("testuser.project2")


# -- the proxy


def test_headers_of_clients_do_not_reach_the_hub(real: RealInstance) -> None:
    client, forged = real.client("otheruser"), real.token("testuser")
    for name in (TOKEN_HEADER, TOKEN_HEADER.lower(), TOKEN_HEADER.replace("-", "_"), "X-Auth-Id_Token"):
        client.get("/hub/login", headers={name: forged})
        assert signed_in_as(client) == "otheruser"
        stranger = real.client()
        assert at_the_password(real, stranger.get("/hub/login", headers={name: forged}))
        assert not [cookie for cookie in stranger.http.cookies if cookie.name.startswith("jupyterhub-")]


def test_a_connection_header_does_not_take_the_token_out(real: RealInstance) -> None:
    """What a client calls a header of its connection is not passed on: not so for what the proxy sets itself."""
    client = real.client("testuser")
    for cookie in [cookie for cookie in client.http.cookies if cookie.name.startswith("jupyterhub-")]:
        client.http.cookies.clear(cookie.domain, cookie.path, cookie.name)
    answer = client.get("/hub/login", headers={"Connection": f"close, {TOKEN_HEADER}"})
    assert answer.status_code == 200
    assert signed_in_as(client) == "testuser"


@pytest.mark.parametrize("path", ["/hub/..\\user/otheruser/x", "/hub/..\\..\\jupyter\\user\\otheruser\\x"])
def test_a_backslash_is_no_way_to_a_notebook_server(real: RealInstance, path: str) -> None:
    """configurable-http-proxy would take it for a slash, and the token would go to that server."""
    client = real.client("testuser")
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.http.cookies)
    # requests would send another path.
    with closing(HTTPConnection("127.0.0.1", real.port, timeout=TIMEOUT_S)) as connection:
        connection.request("GET", f"/jupyter{path}", headers={"Cookie": cookies})
        assert connection.getresponse().status == 400


def test_notebook_servers_get_neither_token_nor_the_proxys_cookie(
    real: RealInstance, testuser: RealClient
) -> None:
    account, config = "testuser.project1", ".jupyter/jupyter_server_config.py"
    home = f"/home/project1/{account}"
    script = 'mkdir -p ~/.jupyter && printf %s "$1" >~/.jupyter/jupyter_server_config.py'
    real.slurm("env", f"HOME={home}", "sh", "-c", script, "sh", LOG_HEADERS, user=account)
    try:
        testuser.start(brics_project="project1.brics")
        testuser.open_lab()
        for path in ("/api/status", "/%2e%2e/testuser/api/status", "/..//testuser/api/status"):
            testuser.get(f"{testuser.server_path}{path}")
        seen = [json.loads(line) for line in real.slurm("cat", f"{home}/headers").splitlines()]
    finally:
        real.slurm("rm", "-f", f"{home}/{config}", f"{home}/headers")
    assert len(seen) > 3
    for path, *headers in seen:
        for name, value in headers:
            assert "id-token" not in name.lower(), path
            assert "oidc" not in name.lower(), path
            assert "signin_" not in value, path
            assert "eyJ" not in value, path


def test_token_of_70_projects(real: RealInstance, capsys: pytest.CaptureFixture[str]) -> None:
    size = len(real.token(MANY))
    with capsys.disabled():
        print(f" [token of 70 projects: {size} characters]", end="")
    client = real.client(MANY)
    assert client.spawn_form().choices["brics_project"] == [f"{project}.brics" for project in MANY_PROJECTS]
    # Signing out carries the token in an address.
    assert at_the_password(real, client.sign_out())


def test_token_of_32_kib_through_the_proxy(real: RealInstance) -> None:
    """To the hub when signing in, and back to the provider, in an address, when signing out."""
    assert len(real.token(MOST)) > 32_000
    client = real.client(MOST)
    assert len(client.spawn_form().choices["brics_project"]) == len(MOST_PROJECTS)
    assert at_the_password(real, client.sign_out())


def test_token_of_32_kib_past_the_proxy(real: RealInstance) -> None:
    padding = f"padding={'x' * (32_768 * 3 // 4 - len(real.token(MANY)) * 3 // 4)}"
    token = real.token(MANY, "--claim", padding)
    assert len(token) > 32_000
    assert len(real.with_token(token, MANY).spawn_form().choices["brics_project"]) == 70


def test_upload_of_100_mib(
    real: RealInstance, testuser: RealClient, capsys: pytest.CaptureFixture[str]
) -> None:
    testuser.start(brics_project="project1.brics")
    testuser.open_lab()
    size, began = 100 * 1024 * 1024, time.monotonic()
    body = {"type": "file", "format": "text", "content": "x" * size}
    saved = testuser.request("PUT", "/user/testuser/api/contents/large.txt", body)
    assert saved.status_code == 201, saved.text[:500]
    file = "/home/project1/testuser.project1/large.txt"
    with capsys.disabled():
        print(f" [100 MiB in {time.monotonic() - began:.1f} s]", end="")
    assert real.slurm("stat", "-c", "%s", file).strip() == str(size)
    real.slurm("rm", file)


def test_websockets_of_kernel_and_terminal(real: RealInstance, testuser: RealClient) -> None:
    testuser.start(brics_project="project1.brics")
    assert testuser.run("print(6 * 7)") == "42\n"
    assert "testuser.project1 42" in testuser.run_in_terminal("echo $(whoami) $((6*7))", "project1 42")
    with testuser.kernel() as kernel:
        # A megabyte in one message, and eight WebSockets at the same time.
        assert len(kernel.run("print('x' * 1_000_000)")) == 1_000_001
        answers: list[str] = []
        threads = [
            threading.Thread(target=lambda n=n: answers.append(kernel.run(f"print({n})"))) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT_S)
    assert sorted(answers) == [f"{number}\n" for number in range(8)]


def test_sign_in_again_as_another_user(real: RealInstance) -> None:
    """The hub's session of the one who used this browser before must not go on."""
    client = real.client("testuser")
    client.start(brics_project="project1.brics")
    client.open_lab()
    assert client.get("/user/testuser/api/status").status_code == 200
    for cookie in [one for one in client.http.cookies if one.name.startswith(("signin_", "issuer_"))]:
        client.http.cookies.clear(cookie.domain, cookie.path, cookie.name)
    # What the browser still has of the server that was open is not enough, even before the hub is asked.
    page = client.sign_in("otheruser", real.password, "/user/testuser/lab")
    assert page.status_code == 403
    assert client.get("/user/testuser/api/status").status_code == 403
    client.get("/hub/home")
    assert signed_in_as(client) == "otheruser"
    assert client.get("/user/testuser/api/status").status_code == 403


def test_proxy_has_one_address(real: RealInstance) -> None:
    page = requests.get(
        real.url.replace("127.0.0.1", "localhost") + "/hub/home",
        allow_redirects=False,
        timeout=TIMEOUT_S,
        proxies={"http": ""},
    )
    assert page.status_code == 307
    assert page.headers["Location"] == f"{real.url}/hub/home"


def test_status_shows_issuer_and_proxy(real: RealInstance) -> None:
    def status() -> dict[str, Any]:
        instances: list[dict[str, Any]] = json.loads(
            ok(real.invoke("status", *real.option, "--json")).stdout
        )["instances"]
        return instances[0]

    one = wait_for(lambda: s if (s := status())["state"] == "ready" else {}, "the instance is ready")
    assert one["url"] == f"{real.url}/"
    names = {c["name"]: c["ready"] for c in one["containers"]}
    assert names == dict.fromkeys(("configurable-http-proxy", "issuer", "jupyterhub", "proxy", "slurm"), True)
