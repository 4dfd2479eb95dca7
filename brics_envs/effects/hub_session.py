"""JupyterHub as a browser meets it: sign in, start a server, run code in a kernel, stop.

May import: errors, interrupts.

Straight to loopback, whatever proxy the environment names.
"""

from __future__ import annotations

import contextlib
import json
import socket as sockets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import websocket
from requests.adapters import HTTPAdapter

from brics_envs.effects import interrupts
from brics_envs.errors import EnvsError

TIMEOUT_S = 60.0
"""Seconds for any one answer."""

START_S = 420.0
"""Seconds for a server to start."""

LOOPBACK = "127.0.0.1"
STOP_S = 120.0
POLL_S = 0.2


@dataclass
class Form:
    """A form of a page: where it is sent to, and what its fields hold."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._address, self._select = address, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(urljoin(self._address, values.get("action", ""))))
        if not self.forms:
            return
        fields = self.forms[-1].fields
        if tag == "input" and values.get("name") and values.get("type") not in ("submit", "checkbox"):
            fields[values["name"]] = values.get("value", "")
        elif tag == "select":
            self._select = values.get("name", "")
        elif tag == "option" and ("selected" in values or self._select not in fields):
            fields[self._select] = values.get("value", "")


def forms(text: str, address: str) -> list[Form]:
    """The forms of a page.

    :param address: where the page came from.
    """
    parser = _Forms(address)
    parser.feed(text)
    return parser.forms


class _Forwarded(HTTPAdapter):
    """Connects to a port of this machine's loopback, whatever a URL says: so does a browser behind ``ssh -L``."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        request.headers["Host"] = urlsplit(request.url or "").netloc
        return super().send(request, *args, **options)

    def build_connection_pool_key_attributes(self, *args: Any, **options: Any) -> Any:
        place, pool = super().build_connection_pool_key_attributes(*args, **options)
        return {**place, "host": LOOPBACK, "port": self._port}, pool


class HubSession:
    """A browser's session at a hub; each step raises :class:`EnvsError` with what came instead."""

    def __init__(self, url: str, user: str, ports: Mapping[str, int] | None = None) -> None:
        """Begin one.

        :param url: JupyterHub's address with its base URL.
        :param ports: host and port as in URLs → the port of this machine's loopback, where they are not the same.
        """
        self.url, self.user, self.ports = url.rstrip("/"), user, dict(ports or {})
        self.http = requests.Session()
        self.http.trust_env = False
        for place, port in self.ports.items():
            self.http.mount(f"http://{place}/", _Forwarded(port))

    def sign_in(self, password: str) -> None:
        """Fill in the form to which the hub, or the OpenID provider before it, leads."""
        page = self._get("/hub/home")
        form = self._form(page, "password")
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
        data = form.fields | {"username": self.user, "password": password}
        self._request("POST", form.action, data=data, headers={"Origin": origin})
        home = self._get("/hub/home")
        if not urlsplit(home.url).path.endswith("/hub/home"):
            raise EnvsError(f"{self.user} cannot sign in: {home.url} comes instead of the home page")

    def has_server(self) -> bool:
        """Whether the user has a server, or one that is about to start or stop."""
        model = self._request("GET", f"{self.url}/hub/api/users/{self.user}", headers=self._xsrf("/hub/api"))
        return bool(model.json()["servers"])

    def start(self) -> None:
        """Start a server with the form as it stands, and wait until it is ready."""
        form = self._form(self._get(f"/hub/spawn/{self.user}"), "brics_project")
        self._request("POST", form.action, data=form.fields)
        address = f"{self.url}/hub/api/users/{self.user}/server/progress"
        last: dict[str, Any] = {}
        end = time.monotonic() + START_S
        with self._request("GET", address, headers=self._xsrf("/hub/api"), stream=True) as events:
            for line in events.iter_lines():
                interrupts.check()
                if line.startswith(b"data:"):
                    last = json.loads(line.removeprefix(b"data:"))
                if last.get("ready") or last.get("failed") or time.monotonic() > end:
                    break
        if not last.get("ready"):
            raise EnvsError(
                f"the server of {self.user} did not start: {last.get('message', 'no reason given')}"
            )

    def run(self, code: str) -> str:
        """What code prints in a new kernel, over a WebSocket."""
        server = f"/user/{self.user}"
        self._get(f"{server}/lab")
        kernels = f"{self.url}{server}/api/kernels"
        kernel = self._request("POST", kernels, json={"name": "python3"}, headers=self._xsrf(server)).json()[
            "id"
        ]
        try:
            return self._run_in(f"{kernels}/{kernel}/channels", code)
        except (OSError, websocket.WebSocketException) as error:
            raise EnvsError(f"the kernel's WebSocket: {error}") from error
        finally:
            self._request("DELETE", f"{kernels}/{kernel}", headers=self._xsrf(server))

    def stop(self) -> None:
        """Stop the server, and wait until it is gone."""
        server = f"{self.url}/hub/api/users/{self.user}/server"
        self._request("DELETE", server, headers=self._xsrf("/hub/api"))
        end = time.monotonic() + STOP_S
        while self.has_server():
            if time.monotonic() > end:
                raise EnvsError(f"the server of {self.user} has not stopped within {STOP_S:.0f} s")
            interrupts.sleep(POLL_S)

    def _run_in(self, address: str, code: str) -> str:
        prepared = self.http.prepare_request(requests.Request("GET", address))
        session, message = uuid.uuid4().hex, uuid.uuid4().hex
        place = urlsplit(address).netloc
        socket = websocket.create_connection(
            f"{address.replace('http', 'ws', 1)}?session_id={session}",
            cookie=prepared.headers.get("Cookie"),
            origin="{0.scheme}://{0.netloc}".format(urlsplit(address)),
            timeout=TIMEOUT_S,
            http_no_proxy=["*"],
            socket=_connected(self.ports[place]) if place in self.ports else None,
        )
        with contextlib.closing(socket):
            socket.send(json.dumps(_execute(session, message, code)))
            return _output(socket, message)

    def _get(self, path: str) -> requests.Response:
        return self._request("GET", f"{self.url}{path}")

    def _request(self, method: str, address: str, **options: Any) -> requests.Response:
        interrupts.check()
        try:
            answer = self.http.request(method, address, timeout=TIMEOUT_S, **options)
        except requests.RequestException as error:
            raise EnvsError(f"{address}: {error}") from error
        if not answer.ok:
            raise EnvsError(f"{address}: {answer.status_code} {answer.reason}")
        return answer

    def _form(self, page: requests.Response, name: str) -> Form:
        """The form of a page that has a field."""
        for form in forms(page.text, page.url):
            if name in form.fields:
                return form
        raise EnvsError(f"{page.url} has no form with {name}")

    def _xsrf(self, path: str) -> dict[str, str]:
        """The header with the XSRF token for a path: the cookie with the longest path that is a prefix."""
        base = urlsplit(self.url).path + path + "/"
        found = [c for c in self.http.cookies if c.name == "_xsrf" and base.startswith(c.path)]
        return {"X-XSRFToken": max(found, key=lambda cookie: len(cookie.path)).value or ""} if found else {}


def _connected(port: int) -> sockets.socket:
    return sockets.create_connection((LOOPBACK, port), TIMEOUT_S)


def _execute(session: str, message: str, code: str) -> dict[str, Any]:
    """An execute_request of Jupyter's messaging protocol."""
    header = {
        "msg_id": message,
        "session": session,
        "username": "",
        "msg_type": "execute_request",
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    return {"header": header, "parent_header": {}, "metadata": {}, "channel": "shell", "content": content}


def _output(socket: websocket.WebSocket, message: str) -> str:
    """What a kernel prints in answer to a request, until it has answered and is idle again."""
    printed, waiting = "", {"reply", "idle"}
    end = time.monotonic() + TIMEOUT_S
    while waiting:
        if time.monotonic() > end:
            raise EnvsError(f"the kernel has not answered within {TIMEOUT_S:.0f} s")
        received = json.loads(socket.recv())
        if received["parent_header"].get("msg_id") != message:
            continue
        content = received["content"]
        match received["msg_type"]:
            case "stream":
                printed += content["text"]
            case "error":
                raise EnvsError(f"the kernel: {content['ename']}: {content['evalue']}")
            case "execute_reply":
                waiting -= {"reply"}
            case "status" if content["execution_state"] == "idle":
                waiting -= {"idle"}
    return printed
