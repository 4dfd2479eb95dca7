"""What ends with a sign-in at the running hub and at servers, what goes on, and what the logs say of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.hub_client import TIMEOUT_S
from tests.support.real_instance import TOKEN_HEADER, RealClient, RealInstance
from tests.support.token_forger import Forger, project
from tests.support.waiting import wait_for

CACHED_S = 15
"""For so long a server believes what the hub said (k8s/base/jupyterhub/jupyterhub_config.py)."""

HUB_LOG = "/var/log/jupyterhub/jupyterhub.log"
OWN_TOKEN = "import os; print(os.environ['JUPYTERHUB_API_TOKEN'], end='')"  # noqa: S105 - how to print it


def ask(real: RealInstance, token: str, method: str, path: str, body: Any = None) -> requests.Response:
    """A request with an API token, past the sign-in proxy."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method,
            f"{real.direct_url}{path}",
            headers={"Authorization": f"token {token}"},
            json=body,
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )


def make_token(client: RealClient, **options: Any) -> tuple[str, float]:
    """An API token made in a session, and seconds until it expires."""
    answer = client.request("POST", f"/hub/api/users/{client.user}/tokens", options)
    assert answer.status_code == 201, answer.text
    expires = datetime.fromisoformat(answer.json()["expires_at"])
    return answer.json()["token"], (expires - datetime.now(UTC)).total_seconds()


def past_the_proxy(real: RealInstance, client: RealClient) -> RealClient:
    """Somebody who has kept the browser's cookies, at the hub's own port."""
    thief = RealClient(real.direct_url)
    thief.user = client.user
    for cookie in client.http.cookies:
        thief.http.cookies.set_cookie(cookie)
    return thief


def report_use(real: RealInstance, own: str) -> int:
    """The status of a server's report that it is used."""
    body = {"servers": {"": {"last_activity": datetime.now(UTC).isoformat()}}}
    return ask(real, own, "POST", "/hub/api/users/testuser/activity", body).status_code


def test_signing_out_ends_all_but_the_server(real: RealInstance, testuser: RealClient) -> None:
    testuser.start(brics_project="project1.brics")
    testuser.open_lab()
    own = testuser.run(OWN_TOKEN)
    token, seconds = make_token(testuser)
    assert 0 < seconds <= 12 * 3600
    thief = past_the_proxy(real, testuser)
    status = f"{testuser.server_path}/api/status"
    assert thief.get(status, allow_redirects=False).status_code == 200
    assert ask(real, token, "GET", status).status_code == 200
    assert ask(real, own, "GET", status).status_code == 403, "its own token is no way to its pages"
    jobs = real.jobs("testuser.project1")

    testuser.sign_out()
    start = {"user_options": {"brics_project": "project1.brics"}}
    for path, body in (("/tokens", {}), ("/server", start)):
        for used in (token, own):
            assert ask(real, used, "POST", f"/hub/api/users/testuser{path}", body).status_code == 403
    assert not thief.signed_in
    ended = "what the server was given counts no more"
    wait_for(lambda: thief.get(status, allow_redirects=False).status_code != 200, ended, CACHED_S + 10, 1)
    wait_for(lambda: ask(real, token, "GET", status).status_code != 200, ended, CACHED_S + 10, 1)
    assert real.jobs("testuser.project1") == jobs, "the server runs on"
    assert report_use(real, own) == 200

    again = real.client("testuser")
    again.open_lab()
    assert again.get(status).status_code == 200
    again.stop()
    assert report_use(real, own) == 403


def test_tokens_are_no_way_to_stay(real: RealInstance, testuser: RealClient) -> None:
    token, seconds = make_token(testuser)
    answer = ask(real, token, "POST", "/hub/api/users/testuser/tokens", {})
    assert answer.status_code == 201
    expires = datetime.fromisoformat(answer.json()["expires_at"])
    assert (expires - datetime.now(UTC)).total_seconds() <= seconds + 1
    too_long = {"expires_in": 13 * 3600}
    assert testuser.request("POST", "/hub/api/users/testuser/tokens", too_long).status_code == 400


def test_a_token_without_projects_ends_all_access(real: RealInstance, testuser: RealClient) -> None:
    forger = Forger.of(real)
    token, _ = make_token(testuser)
    direct = real.with_token(forger.sign(), "testuser")
    assert direct.signed_in
    answer = direct.get("/hub/login", headers={TOKEN_HEADER: forger.with_claims(projects={})})
    assert answer.status_code == 403
    assert not direct.signed_in
    assert not past_the_proxy(real, testuser).signed_in
    assert ask(real, token, "GET", "/hub/api/user").status_code == 403


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exp": 1, "iat": 0}, "the token has expired"),
        ({"nbf": int(time.time()) + 10**6}, "the token is not yet valid"),
        ({"aud": "secret-audience"}, "the token is for another audience"),
        ({"iss": "https://secret.example"}, "the token is from another issuer"),
        ({"short_name": ...}, "the token lacks the claim short_name"),
        ({"iat": ...}, "the token lacks the claim iat"),
        ({"projects": "secret"}, "the claim projects is a string that is not JSON"),
    ],
)
def test_the_page_says_what_is_wrong_and_what_to_do(real: RealInstance, changes: Any, words: str) -> None:
    token = Forger.of(real).with_claims(**changes)
    page = RealClient(real.direct_url).get("/hub/login", headers={TOKEN_HEADER: token})
    assert page.status_code == 401
    assert words in page.text
    assert 'href="/oidc/callback?logout="' in page.text
    assert "secret" not in page.text
    assert token not in page.text


def test_an_odd_project_is_left_out(real: RealInstance) -> None:
    odd = {"Project2.brics": {"name": None}, "x.brics": 7}
    client = real.with_token(Forger.of(real).with_claims(projects=project() | odd), "testuser")
    assert client.spawn_form().choices["brics_project"] == ["project1.brics"]


def test_no_credential_is_in_a_log_at_level_debug(real: RealInstance, testuser: RealClient) -> None:
    since = time.time()
    testuser.start(brics_project="project1.brics")
    testuser.open_lab()
    token, _ = make_token(testuser)
    secrets = [token, testuser.run(OWN_TOKEN), real.password]
    secrets += [
        cookie.value or "" for cookie in testuser.http.cookies if cookie.name.startswith("jupyterhub")
    ]
    for path in ("/hub/api/user", f"{testuser.server_path}/api/status"):
        ask(real, token, "GET", f"{path}?token={token}")
    testuser.stop()
    # configurable-http-proxy asks for the page that explains, with the address in an address.
    testuser.get(f"{testuser.server_path}/lab?token={token}")
    testuser.sign_out()
    for log in (real.log("jupyterhub", since - 1), real.hub("cat", HUB_LOG)):
        assert "[D " in log
        assert "Created authorization code grant {'code': [redacted]" in log
        for secret in secrets:
            assert len(secret) >= 12
            assert secret not in log


@pytest.fixture
def quiet(real: RealInstance, root: Path) -> Iterator[RealInstance]:
    """The instance at level INFO."""
    local = root / "config/dev_realauth/deploy.local.yaml"
    before = local.read_text()
    local.write_text(before.replace("DEBUG", "INFO"))
    real.up("--direct-port", str(real.direct_port))
    yield real
    local.write_text(before)
    real.up("--direct-port", str(real.direct_port))


def test_both_logs_obey_the_level(quiet: RealInstance) -> None:
    lines = len(quiet.hub("cat", HUB_LOG).splitlines())
    began = time.time()
    client = quiet.client("testuser")
    client.start(brics_project="project1.brics")
    client.open_lab()
    client.stop()
    client.sign_out()
    file = "\n".join(quiet.hub("cat", HUB_LOG).splitlines()[lines:])
    for log in (file, quiet.log("jupyterhub", began)):
        assert "User logged in: testuser" in log
        assert "[D " not in log
        assert "authorization code" not in log
