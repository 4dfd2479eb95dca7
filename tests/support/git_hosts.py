"""Git hosts on loopback: one that serves, one that is silent, one that wants a password."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.ports import answers, free_port
from tests.support.processes import command_lines
from tests.support.waiting import wait_for


@contextmanager
def git_daemon(root: Path) -> Iterator[str]:
    """Serve the repositories below a directory with ``git daemon``; gives the URL of the directory."""
    port = free_port()
    with subprocess.Popen(
        [
            "git",
            "daemon",
            "--reuseaddr",
            "--export-all",
            "--listen=127.0.0.1",
            f"--port={port}",
            f"--base-path={root}",
            str(root),
        ],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    ) as daemon:
        try:
            wait_for(lambda: answers("127.0.0.1", port), "git daemon")
            yield f"git://127.0.0.1:{port}"
        finally:
            # Git starts the daemon proper as its child.
            os.killpg(daemon.pid, 15)


@contextmanager
def silent_host() -> Iterator[str]:
    """Give the URL of a host that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"git://127.0.0.1:{server.getsockname()[1]}/repo"


@contextmanager
def private_host(root: Path, username: str, password: str) -> Iterator[tuple[str, list[str]]]:
    """Serve repositories over HTTP with ``git http-backend`` to those who know the password.

    Gives the address without ``http://`` and a list that collects every process's command line, and Git's
    process environments' PATH-like strings never: it is what any user of the machine could see during the
    requests.
    """
    wanted = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def log_message(self, *_: object) -> None:
            pass

        def _serve(self) -> None:
            seen.extend(command_lines())
            if self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="test"')
                self.end_headers()
                return
            head, _, body = self._backend().partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _backend(self) -> bytes:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            environment = {
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type") or "",
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
                "REMOTE_USER": username,
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env={**os.environ, **environment}, check=True, stdout=-1
            )
            return done.stdout

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
