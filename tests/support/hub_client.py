"""JupyterHub as its users meet it: sign-in, the form that starts a server, kernels and terminals over WebSockets.

What a browser does with cookies, redirects, forms and XSRF tokens is done here too, and nothing else.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import websocket

from tests.support.waiting import wait_for

TIMEOUT_S = 60.0
"""Seconds within which everything must answer: generous, for a small machine that does other things too."""


@dataclass
class Form:
    """A form of a page: where it goes, and what its fields hold.

    :param choices: field of a ``<select>`` → the values of its options.
    """

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append(Form(values.get("action", "")))
        if not self.forms:
            return
        form = self.forms[-1]
        if tag == "input" and values.get("name") and values.get("type") not in ("submit", "checkbox"):
            form.fields[values["name"]] = values.get("value", "")
        elif tag == "select":
            self._select = values["name"]
            form.choices[self._select] = []
        elif tag == "option":
            form.choices[self._select].append(values["value"])
            if "selected" in values or self._select not in form.fields:
                form.fields[self._select] = values["value"]


def forms(page: requests.Response) -> list[Form]:
    """The forms of a page, with the full addresses that they are sent to."""
    parser = _Forms()
    parser.feed(page.text)
    for form in parser.forms:
        form.action = urljoin(page.url, form.action)
    return parser.forms


class HubClient:
    """A browser's session at one hub; ``url`` is the hub's address with its base URL."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.user = ""
        self.http = requests.Session()
        # The proxy closes connections that have been idle for 5 s: a request sent at that moment would be lost.
        self.http.headers["Connection"] = "close"
        self.http.trust_env = False  # straight to loopback, whatever proxy the environment names

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET a path below the base URL; redirects are followed, as a browser does."""
        return self.http.get(f"{self.url}{path}", timeout=TIMEOUT_S, **options)

    def sign_in(self, user: str, password: str, following: str = "") -> requests.Response:
        """Fill in the sign-in form; the page that comes then (the form again if it is refused)."""
        page = self.get("/hub/login", params={"next": following} if following else None)
        form = next(form for form in forms(page) if "password" in form.fields)
        data = form.fields | {"username": user, "password": password}
        answer = self.http.post(form.action, data=data, timeout=TIMEOUT_S)
        self.user = user
        return answer

    @property
    def signed_in(self) -> bool:
        """Whether the hub shows its home page instead of sending us to the sign-in."""
        page = self.get("/hub/home")
        return page.status_code == 200 and urlsplit(page.url).path.endswith("/hub/home")

    def xsrf(self, path: str) -> str:
        """The XSRF token for requests below a path: the cookie with the longest path that is a prefix."""
        base = urlsplit(self.url).path + path
        found = [c for c in self.http.cookies if c.name == "_xsrf" and base.startswith(c.path)]
        return max(found, key=lambda cookie: len(cookie.path)).value or ""

    def request(self, method: str, path: str, body: Any = None) -> requests.Response:
        """A request as the pages' scripts make it, with the XSRF token in a header."""
        return self.http.request(
            method,
            f"{self.url}{path}",
            json=body,
            headers={"X-XSRFToken": self.xsrf(path)},
            timeout=TIMEOUT_S,
        )

    # -- servers

    def spawn_form(self) -> Form:
        """The form that starts a server, as its page shows it."""
        page = self.get(f"/hub/spawn/{self.user}")
        assert page.status_code == 200, page.text
        return next(form for form in forms(page) if "brics_project" in form.choices)

    def submit(self, form: Form, changes: Mapping[str, str]) -> requests.Response:
        """Send a form with some of its fields changed."""
        return self.http.post(form.action, data=form.fields | dict(changes), timeout=TIMEOUT_S)

    def start(self, **changes: str) -> float:
        """Start the user's server through the form and wait until it is ready; seconds that this took."""
        form = self.spawn_form()
        began = time.monotonic()
        answer = self.submit(form, changes)
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
        self.wait_until_ready()
        return time.monotonic() - began

    def start_by_api(self, options: Mapping[str, Any]) -> requests.Response:
        """Ask the hub's API for a server; the answer comes when it is ready, pending or refused."""
        return self.request("POST", f"/hub/api/users/{self.user}/server", dict(options))

    def wait_until_ready(self) -> None:
        """Follow the progress that the page of a starting server shows, to its end."""
        last: dict[str, Any] = {}
        with self.get(f"/hub/api/users/{self.user}/server/progress", stream=True) as events:
            assert events.status_code == 200, events.text
            for line in events.iter_lines():
                if line.startswith(b"data:"):
                    last = json.loads(line.removeprefix(b"data:"))
                    if last.get("ready") or last.get("failed"):
                        break
        assert last.get("ready"), f"the server of {self.user} did not start: {last}"

    def server(self) -> dict[str, Any] | None:
        """What the hub says of the user's server; None without one."""
        model = self.request("GET", f"/hub/api/users/{self.user}")
        assert model.status_code == 200, model.text
        servers: dict[str, Any] = model.json()["servers"]
        return servers.get("")

    def stop(self, look_every_s: float = 0.1) -> None:
        """Stop the user's server, if there is one, and wait until it is gone."""
        if self.server() is None:
            return
        answer = self.request("DELETE", f"/hub/api/users/{self.user}/server")
        assert answer.status_code in (202, 204), f"{answer.status_code}: {answer.text}"
        wait_for(
            lambda: self.server() is None, f"the server of {self.user} has stopped", interval_s=look_every_s
        )

    # -- notebooks

    @property
    def server_path(self) -> str:
        """The path of the user's server, below the base URL."""
        return f"/user/{self.user}"

    def open_lab(self) -> requests.Response:
        """Open JupyterLab, which also signs the browser in at the server."""
        page = self.get(f"{self.server_path}/lab")
        assert page.status_code == 200, f"{page.url}: {page.status_code}"
        return page

    def websocket(self, path: str) -> websocket.WebSocket:
        """Connect a WebSocket to a path of the user's server."""
        address = f"{self.url}{self.server_path}{path}"
        prepared = self.http.prepare_request(requests.Request("GET", address))
        return websocket.create_connection(
            address.replace("http", "ws", 1),
            cookie=prepared.headers.get("Cookie"),
            origin="{0.scheme}://{0.netloc}".format(urlsplit(address)),
            timeout=TIMEOUT_S,
            http_no_proxy=["*"],
        )

    @contextmanager
    def kernel(self) -> Iterator[Kernel]:
        """A new kernel in the user's server, ended afterwards."""
        self.open_lab()
        answer = self.request("POST", f"{self.server_path}/api/kernels", {"name": "python3"})
        assert answer.status_code == 201, f"{answer.status_code}: {answer.text}"
        kernel = Kernel(self, answer.json()["id"])
        try:
            yield kernel
        finally:
            self.request("DELETE", f"{self.server_path}/api/kernels/{kernel.id}")

    def run(self, code: str) -> str:
        """What code prints in a new kernel."""
        with self.kernel() as kernel:
            return kernel.run(code)

    def run_in_terminal(self, command: str, until: str) -> str:
        """Type a line into a new terminal; what it shows up to and with ``until``."""
        self.open_lab()
        answer = self.request("POST", f"{self.server_path}/api/terminals", {})
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
        name, shown = answer.json()["name"], ""
        with closing(self.websocket(f"/terminals/websocket/{name}")) as socket:
            socket.send(json.dumps(["stdin", f"{command}\r"]))
            while until not in shown:
                kind, *text = json.loads(socket.recv())
                shown += text[0] if kind == "stdout" else ""
        self.request("DELETE", f"{self.server_path}/api/terminals/{name}")
        return shown


@dataclass(frozen=True)
class Kernel:
    """A running kernel of a user's server."""

    client: HubClient
    id: str

    def run(self, code: str) -> str:
        """What the code prints, over a WebSocket of its own.

        :raises AssertionError: the code raised something.
        """
        with self.connected() as connection:
            return connection.run(code)

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A WebSocket to the kernel, as an open notebook has it."""
        session = uuid.uuid4().hex
        path = f"/api/kernels/{self.id}/channels?session_id={session}"
        with closing(self.client.websocket(path)) as socket:
            yield Connection(socket, session)


@dataclass(frozen=True)
class Connection:
    """An open WebSocket to a kernel."""

    socket: websocket.WebSocket
    session: str

    def run(self, code: str) -> str:
        """What the code prints.

        :raises AssertionError: the code raised something.
        """
        message_id = uuid.uuid4().hex
        header = {
            "msg_id": message_id,
            "session": self.session,
            "username": "",
            "msg_type": "execute_request",
            "version": "5.3",
        }
        request = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "channel": "shell",
            "content": {"code": code, "silent": False, "store_history": False, "allow_stdin": False},
        }
        self.socket.send(json.dumps(request))
        return _output(self.socket, message_id)


def _output(socket: websocket.WebSocket, message_id: str) -> str:
    """What a kernel prints in answer to a request, until it has answered and is idle again."""
    printed, waiting_for = "", {"reply", "idle"}
    while waiting_for:
        message = json.loads(socket.recv())
        if message["parent_header"].get("msg_id") != message_id:
            continue
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                printed += content["text"]
            case "error":
                raise AssertionError("\n".join(content["traceback"]))
            case "execute_reply":
                waiting_for -= {"reply"}
            case "status" if content["execution_state"] == "idle":
                waiting_for -= {"idle"}
    return printed
