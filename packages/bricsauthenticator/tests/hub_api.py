"""A hub whose sign-ins count for an hour, its API, and its database as another process sees it."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import UTC, datetime
from typing import Any

import requests
from real_hub import Browser, Hub

SESSION_S = 3600
LIMITS = f"""
c.BricsAuthenticator.session_max_age = {SESSION_S}
c.Spawner.server_token_scopes = ["users:activity!user"]
c.JupyterHub.services = [{{"name": "admin", "api_token": "service-token-of-the-tests"}}]
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self"]}},
    {{"name": "all", "scopes": ["tokens", "admin:users", "admin:servers", "list:users"], "services": ["admin"]}},
]
"""
START = {"user_options": {"brics_project": "project1.brics"}}


def api(hub: Hub, token: str, method: str, path: str, body: Any = None) -> requests.Response:
    """A request to the hub's API with a token."""
    headers = {"Authorization": f"token {token}"}
    return requests.request(method, f"{hub.url}/api{path}", headers=headers, json=body, timeout=90)


def ask(browser: Browser, body: Any = None) -> requests.Response:
    """Ask for an API token in a session."""
    url = f"{browser.hub.url}/api/users/{browser.user}/tokens"
    headers = {"Referer": f"{browser.hub.url}/token"}
    return browser.http.post(
        url, params={"_xsrf": browser.xsrf}, headers=headers, json=body or {}, timeout=20
    )


def make_token(browser: Browser, **body: Any) -> str:
    """An API token made in a session."""
    answer = ask(browser, body)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


def lasts(answer: requests.Response) -> float:
    """Seconds until a new token expires."""
    assert answer.status_code == 201, answer.text
    expires = datetime.fromisoformat(answer.json()["expires_at"])
    return (expires - datetime.now(UTC)).total_seconds()


def start(browser: Browser) -> None:
    assert browser.post_api(START).status_code in (201, 202)
    browser.wait_ready()


def stored(hub: Hub, query: str, *values: Any) -> list[Any]:
    """Ask or change the hub's database, as another process does."""
    with sqlite3.connect(hub.root / "jupyterhub.sqlite", timeout=20) as database:
        return database.execute(query, values).fetchall()


def age_sign_ins(hub: Hub, seconds: float) -> None:
    """Let everybody's last sign-in have been so many seconds ago: a running hub does not look at that again."""
    hub.kill()
    stored(hub, "UPDATE users SET user_info = ?", json.dumps({"signed_in": time.time() - seconds}))
    hub.start()


def activity() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"servers": {"": {"last_activity": now}}, "last_activity": now}
