"""The socket: a service or an ssh of our own that lives as long as the command, and what is no podman."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from brics_envs.effects import containers, podman, podman_socket, process
from brics_envs.errors import EnvsError
from brics_envs.plan.podman_place import Place
from tests.support.checkout import PROJECT

STAND_IN = """#!{python}
import json, os, socketserver, sys
from http.server import BaseHTTPRequestHandler
if "info" in sys.argv:
    sys.exit(print("unix:///run/asked.sock"))
if "fails" in os.environ.get("STAND_IN", ""):
    sys.exit("it cannot be")
with open({started!r}, "a") as file:
    print(json.dumps([os.getpid(), *sys.argv]), file=file)
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps([{{"Name": self.path}}]).encode())
    def address_string(self):
        return ""
    def log_message(self, *args):
        pass
path = sys.argv[sys.argv.index("-L") + 1].split(":")[0] if "-L" in sys.argv else sys.argv[-1].partition("://")[2]
socketserver.ThreadingUnixStreamServer(path, Answer).serve_forever()
"""
"""A ``podman system service`` or ``ssh -L``, whose pods are what it was asked."""

Started = Callable[[], list[tuple[int, list[str]]]]


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    """Stand-ins for both programs; gives process and arguments of those that were started."""
    log = tmp_path / "started"
    for name in ("podman", "ssh"):
        (tmp_path / name).write_text(STAND_IN.format(python=sys.executable, started=str(log)))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name in ("CONTAINER_HOST", "DOCKER_HOST", "CONTAINER_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(podman_socket, "START_S", 20.0)

    def forget() -> None:
        podman.place.cache_clear()
        podman.environment.cache_clear()
        podman_socket._connection.clear()

    forget()
    yield lambda: [(pid, argv) for pid, *argv in map(json.loads, log.read_text().splitlines())]
    process.end()
    forget()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_service_is_started_once_and_ends_with_the_command(started: Started) -> None:
    (pod,) = containers.listed("pods", ours=True)
    assert pod["Name"].startswith("/v4.0.0/libpod/pods/json?filters=")
    containers.listed("volumes")
    ((pid, argv),) = started()
    assert argv[1:4] == ["system", "service", "--time=0"]
    socket = Path(argv[4].removeprefix("unix://"))
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    process.end()
    assert gone(pid)
    assert not socket.parent.exists()


def test_a_service_that_has_ended_gets_a_successor(started: Started) -> None:
    containers.listed("pods")
    ((pid, _),) = started()
    os.kill(pid, signal.SIGKILL)
    while not podman_socket._connection[0].is_over():
        pass
    containers.listed("pods")
    assert len(started()) == 2


def test_why_there_is_no_service_is_told(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", "fails")
    with pytest.raises(EnvsError, match=r"podman system service .*\n.*it cannot be"):
        containers.listed("pods")


@pytest.mark.parametrize(
    ("uri", "remote"), [("ssh://me@far/run/far.sock", "/run/far.sock"), ("ssh://me@far", "/run/asked.sock")]
)
def test_ssh_brings_a_far_socket_here(
    started: Started, monkeypatch: pytest.MonkeyPatch, uri: str, remote: str
) -> None:
    monkeypatch.setenv("CONTAINER_HOST", uri)
    containers.listed("pods")
    ((_, argv),) = started()
    assert Path(argv[0]).name == "ssh"
    assert argv[1] == "-nNT"
    assert argv[argv.index("-L") + 1].endswith(f":{remote}")
    assert argv[-1] == "me@far"
    assert podman.is_remote()


def test_what_dockers_variable_names_must_be_podman(monkeypatch: pytest.MonkeyPatch) -> None:
    class Docker(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"Components": [{"Name": "Engine"}]}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Docker) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        uri = f"tcp://127.0.0.1:{server.server_port}"
        own = Place(uri, variables=(("CONTAINER_HOST", uri),))
        with pytest.raises(EnvsError, match=f"no podman answers at {uri}, which is DOCKER_HOST") as caught:
            podman_socket._connected(own).__enter__()
        assert "CONTAINER_HOST" in caught.value.hint
        server.shutdown()


def test_docker_is_not_imported_before_it_is_needed() -> None:
    program = (
        "import importlib, pkgutil, sys, brics_envs as b\n"
        "found = [m.name for m in pkgutil.walk_packages(b.__path__, 'brics_envs.') if 'guardian' not in m.name]\n"
        "[importlib.import_module(name) for name in found]\n"
        "sys.exit('docker' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=PROJECT)
