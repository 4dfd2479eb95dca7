"""The program that runs in the job, as a process of its own, with a stand-in for the hub."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import bricsauthenticator
import pytest
from bricsauthenticator.batch_script import launcher_text
from real_hub import wait_for

SERVER = """
import os, signal, sys, time
from http.server import HTTPServer, BaseHTTPRequestHandler
from urllib.parse import urlsplit
print("runtime folder", os.environ["JUPYTER_RUNTIME_DIR"], flush=True)
address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
HTTPServer((address.hostname, address.port), BaseHTTPRequestHandler).serve_forever()
"""
ACCEPTED, REFUSED = (200, b"{}"), (403, b'{"status": 403, "refused": true}')
NO_WORD_OF_THE_HUBS = [
    (403, b'{"status": 403, "message": "Forbidden"}'),
    (403, b"<html>proxy</html>"),
    (403, b'["refused"]'),
    (404, b""),
    (400, b'{"refused": true}'),
    (500, b'{"refused": true}'),
    (503, b"\xff\xfe"),
]


class StandInHub:
    """Notes reports, and answers with what it is told, the last of it again and again."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.answers = [ACCEPTED]
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hub.tokens.add(self.headers["Authorization"])
                hub.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                status, body = hub.answers.pop(0) if len(hub.answers) > 1 else hub.answers[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hub/api"

    @property
    def stages(self) -> list[str]:
        return [report["stage"] for report in self.reports]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hub() -> Iterator[StandInHub]:
    made = StandInHub()
    yield made
    made.close()


class Started:
    """A launcher that runs, with a log and a home."""

    def __init__(
        self,
        folder: Path,
        url: str,
        server: str = SERVER,
        home: str = "home",
        full: bool = False,
        **variables: str,
    ) -> None:
        (folder / "home").mkdir(exist_ok=True)
        self.log = folder / "log"
        if full:
            self.log.symlink_to("/dev/full")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / home),
            "SLURM_JOB_ID": "12",
            "JUPYTERHUB_API_URL": url,
            "JUPYTERHUB_API_TOKEN": "secret",
            "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:0/user/a/",
            "JUPYTERHUB_LAUNCHER": launcher_text(),
            **variables,
        }
        run = "import os; exec(os.environ.pop('JUPYTERHUB_LAUNCHER'))"
        command = [sys.executable, "-I", "-S", "-c", run, "ab", sys.executable, "-c", server]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def folder(self) -> Path:
        """The folder for sockets, which the server knows."""
        wait_for(lambda: "runtime folder" in self.log.read_text(), "the server to start", 20)
        return Path(self.log.read_text().partition("runtime folder ")[2].split()[0])


@pytest.fixture
def launch(tmp_path: Path, hub: StandInHub) -> Iterator[Any]:
    made: list[Started] = []

    def start(*args: Any, **options: Any) -> Started:
        made.append(Started(tmp_path, options.pop("url", hub.url), *args, **options))
        return made[-1]

    yield start
    for started in made:
        # The server as well, which a killed launcher leaves behind; the launcher may have ended before.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.process.pid, signal.SIGKILL)
        started.process.wait()
        if started.log.is_symlink():
            continue
        _, found, words = started.log.read_text().partition("runtime folder ")
        if found:
            shutil.rmtree(words.split()[0], ignore_errors=True)


def test_it_reports_job_port_and_end(hub: StandInHub, launch: Any) -> None:
    started = launch()
    wait_for(lambda: len(hub.reports) == 2, "two reports", 20)
    folder = started.folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(str(folder)) + len("/kernel-00000000-0000-0000-0000-000000000000-ipc-1") < 107
    started.process.terminate()
    assert started.process.wait(20) == 128 + signal.SIGTERM
    assert hub.stages == ["started", "listening", "ended"]
    assert hub.tokens == {"token secret"}
    assert {(report["mark"], report["job"]) for report in hub.reports} == {("ab", "12")}
    assert hub.reports[1]["port"] > 0
    assert hub.reports[2]["status"] == -signal.SIGTERM
    assert "runtime folder" in hub.reports[2]["log"]
    assert not folder.exists()


def test_it_reports_a_server_that_is_imported(hub: StandInHub, launch: Any) -> None:
    loads = """
import os, runpy
from pathlib import Path
config = Path(os.environ["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0], "jupyter_server_config.py")
runpy.run_path(str(config))
""" + SERVER.replace("HTTPServer((", "import time; time.sleep(1)\nHTTPServer((")
    config = (Path(bricsauthenticator.__file__).parent / "server_activity.py").read_text()
    launch(loads, JUPYTERHUB_LAUNCHER_SERVER_CONFIG=config)
    wait_for(lambda: "listening" in hub.stages, "the server to listen", 20)
    assert hub.stages == ["started", "imported", "listening"]


def test_the_folder_goes_in_time_when_the_server_does_not(hub: StandInHub, launch: Any) -> None:
    started = launch("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + SERVER)
    wait_for(lambda: "listening" in hub.stages, "the server to listen", 20)
    folder = started.folder()
    assert folder.exists()
    started.process.terminate()
    wait_for(lambda: not folder.exists(), "the folder to be removed", 20)
    assert started.process.poll() is None


@pytest.mark.parametrize("answer", NO_WORD_OF_THE_HUBS, ids=ascii)
def test_only_the_hubs_own_refusal_ends_the_job(
    hub: StandInHub, launch: Any, answer: tuple[int, bytes]
) -> None:
    hub.answers = [answer, answer, ACCEPTED]
    started = launch()
    wait_for(lambda: "listening" in hub.stages, "the server to be reported", 20)
    assert hub.stages == ["started"] * 3 + ["listening"]
    assert started.process.poll() is None


def test_a_refusal_ends_the_job(hub: StandInHub, launch: Any) -> None:
    # Once the server listens it has said which folder it has.
    hub.answers = [(503, b"{}"), ACCEPTED, REFUSED]
    started = launch()
    assert started.process.wait(20) != 0
    assert hub.stages == ["started", "started", "listening"]
    assert not started.folder().exists()
    assert "the hub does not know this job" in started.log.read_text()


def test_a_hub_that_is_away_is_waited_for(hub: StandInHub, launch: Any) -> None:
    hub.close()
    started = launch()
    wait_for(lambda: "cannot be told yet" in started.log.read_text(), "a try", 20)
    assert started.process.poll() is None
    assert "secret" not in started.log.read_text()


def test_a_server_that_fails_is_reported_with_its_last_words(hub: StandInHub, launch: Any) -> None:
    started = launch("import sys; print('x' * 9000, flush=True); sys.exit('no such module')")
    assert started.process.wait(20) == 1
    assert hub.reports[-1]["stage"] == "ended"
    assert hub.reports[-1]["status"] == 1
    assert hub.reports[-1]["log"].endswith("no such module\n")
    assert len(hub.reports[-1]["log"]) <= 4000


def test_a_home_that_cannot_be_written_is_named(hub: StandInHub, launch: Any, tmp_path: Path) -> None:
    started = launch(home="nowhere")
    assert started.process.wait(20) == 1
    assert hub.stages == ["ended"]
    assert hub.reports[0]["home"] == f"{tmp_path}/nowhere: No such file or directory"


def test_a_log_without_space_keeps_nobody_from_being_told(
    hub: StandInHub, launch: Any, tmp_path: Path
) -> None:
    assert launch(home="nowhere", full=True).process.wait(20) == 1
    assert hub.stages == ["ended"]
    assert "nowhere" in hub.reports[0]["home"]


def test_it_runs_on_the_pythons_of_users() -> None:
    ast.parse(launcher_text(), feature_version=(3, 8))


PRINT_PATH = """
import os
print("runtime folder", os.environ["JUPYTER_RUNTIME_DIR"])
for place in filter(None, os.environ.get("JUPYTER_PATH", "").split(":")):
    print("place", place if place == "/site" else sorted(os.listdir(place)), os.path.realpath(place + "/kernels"))
"""


@pytest.mark.parametrize("data", ["", "data", "xdg"])
def test_the_users_kernels_are_offered_where_their_configuration_is_not_read(
    launch: Any, tmp_path: Path, data: str
) -> None:
    variables = {
        "": {},
        "data": {"JUPYTER_DATA_DIR": f"{tmp_path}/d"},
        "xdg": {"XDG_DATA_HOME": f"{tmp_path}/x"},
    }
    place = {"": "home/.local/share/jupyter", "data": "d", "xdg": "x/jupyter"}[data]
    (tmp_path / place / "kernels").mkdir(parents=True)
    (tmp_path / place / "labextensions").mkdir()
    started = launch(PRINT_PATH, JUPYTERHUB_DISABLE_USER_CONFIG="1", JUPYTER_PATH="/site", **variables[data])
    assert started.process.wait(20) == 0
    places = [line for line in started.log.read_text().splitlines() if line.startswith("place")]
    assert places == ["place /site /site/kernels", f"place ['kernels'] {tmp_path / place / 'kernels'}"]


def test_where_their_configuration_is_read_nothing_is_changed(launch: Any) -> None:
    started = launch(PRINT_PATH, JUPYTERHUB_DISABLE_USER_CONFIG="0")
    assert started.process.wait(20) == 0
    assert "place" not in started.log.read_text()
