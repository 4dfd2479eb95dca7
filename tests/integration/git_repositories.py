"""Real Git repositories and Git hosts on loopback, for tests."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}

PYPROJECT = """\
[build-system]
requires = ["setuptools", "setuptools-scm"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
dynamic = ["version"]

[tool.setuptools_scm]
version_file = "src/{module}/_version.py"
"""


def git(directory: Path, *arguments: str) -> str:
    """Run Git as nobody in particular; return what it writes."""
    done = subprocess.run(
        ["git", "-C", str(directory), *arguments],
        env={**os.environ, **IDENTITY},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def commit(repository: Path, message: str = "Change something") -> str:
    """Commit everything; return the commit."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(repository, "rev-parse", "HEAD")


def make_package(directory: Path, name: str = "bricsauthenticator", module: str = "foreign") -> Path:
    """Make a package's repository: setuptools-scm, a version file, tag v1.2.0, branch ``feature/x``."""
    source = directory / "src" / module
    source.mkdir(parents=True)
    (directory / "pyproject.toml").write_text(PYPROJECT.format(name=name, module=module))
    (directory / ".gitignore").write_text("_version.py\n*.log\n")
    (source / "__init__.py").write_text("NAME = 'main'\n")
    git(directory, "init", "--quiet", "--initial-branch=main")
    commit(directory, "Begin")
    git(directory, "tag", "v1.2.0")
    git(directory, "checkout", "--quiet", "-b", "feature/x")
    (source / "__init__.py").write_text("NAME = 'feature'\n")
    commit(directory, "Add a feature")
    git(directory, "checkout", "--quiet", "main")
    return directory


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
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
            _wait_for(port)
            yield f"git://127.0.0.1:{port}"
        finally:
            # Git starts the daemon proper as its child.
            os.killpg(daemon.pid, 15)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextlib.contextmanager
def silent_host() -> Iterator[str]:
    """Give the URL of a host that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"git://127.0.0.1:{server.getsockname()[1]}/repo"


@contextlib.contextmanager
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


def command_lines() -> list[str]:
    """Return the command line of every process of the machine."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return lines


def state(directory: Path) -> dict[str, tuple[object, ...]]:
    """Everything about every file below a directory that writing to it could change."""
    return {
        str(path.relative_to(directory)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.lstat().st_ctime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in [directory, *directory.rglob("*")]
    }


def files(directory: Path) -> set[str]:
    """The paths of everything below a directory that is no directory itself."""
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_symlink() or not p.is_dir()}


def make_edited(repository: Path) -> Path:
    """Change a package's repository in every way without committing; the last commit gets the tag v1.3.0."""
    (repository / "gone.txt").touch()
    (repository / "run").write_text("#!/bin/sh\n")
    (repository / "run").chmod(0o700)
    (repository / "länge 名.txt").write_text("x")
    commit(repository)
    git(repository, "tag", "v1.3.0")
    (repository / "gone.txt").unlink()
    (repository / "src/foreign/__init__.py").write_text("EDITED = 1\n")
    (repository / "src/foreign/_version.py").write_text("ignored = 1\n")
    (repository / "debug.log").touch()
    (repository / "new.py").touch()
    (repository / "staged.py").touch()
    git(repository, "add", "staged.py")
    return repository
