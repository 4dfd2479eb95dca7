"""Sign-in of dev_dummyauth at the running hub."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests

from tests.support.hub_client import forms
from tests.support.running_instance import RunningInstance

REFUSED = "Invalid username or password"


@pytest.mark.parametrize("user", ["testuser", "otheruser"])
def test_every_user_signs_in(running: RunningInstance, user: str) -> None:
    client = running.client()
    page = client.sign_in(user, running.password)
    assert page.status_code == 200
    assert client.signed_in
    assert client.request("GET", "/hub/api/user").json()["name"] == user


def test_empty_name_is_the_first_user(running: RunningInstance) -> None:
    client = running.client()
    client.sign_in("", running.password)
    assert client.request("GET", "/hub/api/user").json()["name"] == "testuser"


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("testuser", "wrong-password"),
        ("testuser", ""),
        ("nobody", None),
        ("nobody", "wrong-password"),
        ("testuser.project1", None),
        ("root", None),
        ("päß ../<b>", "żółć\u0000"),
        ("x" * 5000, "y" * 5000),
    ],
)
def test_anything_else_gets_the_form_again(running: RunningInstance, user: str, password: str | None) -> None:
    client = running.client()
    page = client.sign_in(user, running.password if password is None else password)
    assert page.status_code < 500
    assert REFUSED in page.text
    assert any("password" in form.fields for form in forms(page)), "the form is not shown again"
    assert not client.signed_in


def test_form_without_fields_is_no_error_of_the_server(running: RunningInstance) -> None:
    client = running.client()
    form = next(form for form in forms(client.get("/hub/login")) if "password" in form.fields)
    answer = client.http.post(form.action, data={"_xsrf": form.fields["_xsrf"]}, timeout=30)
    assert answer.status_code < 500
    assert not client.signed_in


def test_form_of_another_site_is_refused(running: RunningInstance) -> None:
    client = running.client()
    data = {"username": "testuser", "password": running.password}
    answer = client.http.post(f"{client.url}/hub/login", data=data, timeout=30)
    assert answer.status_code == 403
    assert not client.signed_in


@pytest.mark.parametrize(
    "following",
    [
        "https://example.org/",
        "//example.org/",
        "/\\example.org",
        "https:example.org",
        "javascript:alert(1)",
        "http://127.0.0.1:1/jupyter/",
        "/jupyter/..//example.org",
    ],
)
def test_sign_in_leads_nowhere_else(running: RunningInstance, following: str) -> None:
    client = running.client()
    page = client.get("/hub/login", params={"next": following})
    form = next(form for form in forms(page) if "password" in form.fields)
    data = form.fields | {"username": "testuser", "password": running.password}
    answer = client.http.post(form.action, data=data, allow_redirects=False, timeout=30)
    assert answer.status_code == 302
    target = urlsplit(requests.compat.urljoin(form.action, answer.headers["Location"]))
    assert f"{target.scheme}://{target.netloc}" == f"http://127.0.0.1:{running.port}"


def test_signing_out_ends_the_session(running: RunningInstance) -> None:
    client = running.client("testuser")
    client.get("/hub/logout")
    assert not client.signed_in


def test_up_tells_where_and_how_to_sign_in(running: RunningInstance) -> None:
    assert f"{running.url}/" in running.output
    assert running.password in running.output
    assert "testuser" in running.output
    assert len(running.password) >= 12


def test_password_and_keys_are_private(running: RunningInstance) -> None:
    assert running.directory.stat().st_mode & 0o777 == 0o700
    for file in running.directory.iterdir():
        if file.is_file():
            assert file.stat().st_mode & 0o777 == 0o600, file
