"""Starts the notebook server in its job, and tells the hub of it. Runs in the job, not in the hub.

Its text travels in the batch script, so that nothing needs to be installed on the Slurm host: it uses the standard
library of Python 3.8 and nothing else. Arguments: the mark of the start, then the server's command.

- It reports the job, that a Jupyter server is loaded, its port once it listens, and its end with the log's last lines.
- It tries again for as long as the hub does not answer, or answers with any error. Only the hub's own word that it
  does not know this start ends the job.
- The user's own kernels are offered, where their configuration is not read.
- The server gets a file of configuration that lets it tell what use of it is (see ``server_activity``).
- Kernels talk over sockets in a folder of their own, on the node's own disk, which other users cannot enter.
"""

# ruff: noqa: PTH102, PTH108, PTH111, PTH118, PTH123, PTH211 - pathlib is slow to import

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from urllib.parse import urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 (what is made there is private and has a random name)
"""On every node's own disk or memory. Short: a socket's path has at most 107 bytes, 50 of which are a kernel's."""

LOG_BYTES = 4000
REQUEST_SECONDS = 10
PAUSES = (0.2, 10.0)
"""Seconds between two tries to report: the first, the longest."""

FAREWELL_SECONDS = 5
"""For the last report: the job ends, and Slurm kills what does not."""

KILL_SECONDS, CLEAN_SECONDS = 10, 2
"""Until a server is killed; from the end of the job to the removal of its folder, before Slurm kills what is left."""

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1", None: "127.0.0.1"}  # noqa: S104


class Hub:
    """The hub's API, as far as it concerns this job."""

    def __init__(self, mark: str) -> None:
        self.url = os.environ["JUPYTERHUB_API_URL"].rstrip("/") + "/batchspawner"
        self._token = os.environ["JUPYTERHUB_API_TOKEN"]
        self._about = {"mark": mark, "job": os.environ.get("SLURM_JOB_ID", "")}
        self._told = ""

    def report(self, what: dict[str, object], seconds: float = REQUEST_SECONDS) -> bool | None:
        """Report something: whether the hub wants the job to go on; None if that is not known yet."""
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen

        headers = {"Authorization": "token " + self._token, "Content-Type": "application/json"}
        body = json.dumps({**self._about, **what}).encode()
        try:
            request = Request(self.url, body, headers, method="POST")  # noqa: S310 (the hub's own URL)
            with urlopen(request, timeout=seconds, context=tls()):  # noqa: S310
                return True
        except HTTPError as error:
            if error.code == 403 and says_refused(error):
                return False
            self._tell(str(error))
        except Exception as error:
            self._tell(repr(error))
        return None

    def _tell(self, trouble: str) -> None:
        if trouble != self._told:
            self._told = trouble
            say(f"the hub at {self.url} cannot be told yet: {trouble}")


def tls() -> ssl.SSLContext | None:
    """The hub's certificates, where JupyterHub's ``internal_ssl`` is on."""
    key = os.environ.get("JUPYTERHUB_SSL_KEYFILE")
    if not key:
        return None
    import ssl

    context = ssl.create_default_context(cafile=os.environ.get("JUPYTERHUB_SSL_CLIENT_CA") or None)
    context.load_cert_chain(os.environ["JUPYTERHUB_SSL_CERTFILE"], key)
    return context


def says_refused(error: object) -> bool:
    """Whether it is the hub that refuses: anything between may answer 403 too, and so may a hub in trouble."""
    with contextlib.suppress(OSError, ValueError):
        answer = json.loads(error.read(10000))  # type: ignore[attr-defined]
        return isinstance(answer, dict) and answer.get("refused") is True
    return False


class Job:
    """The server's process, its folder, and the signals that are for it."""

    def __init__(self) -> None:
        self.server: subprocess.Popen[bytes] | None = None
        self.folder = ""
        self.told_to_end = 0
        signal.signal(signal.SIGALRM, self.clean_up)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._pass_on)
        self.folder = private_folder()

    def _pass_on(self, number: int, _frame: object) -> None:
        if not self.told_to_end and number == signal.SIGTERM:
            say("told to end: the job is cancelled, or its time is up")
        self.told_to_end = number
        signal.alarm(CLEAN_SECONDS)
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(number)

    def clean_up(self, *_signal: object) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        self.server = subprocess.Popen(command, env=environment)
        if self.told_to_end:
            self.server.send_signal(self.told_to_end)
        return self.server


def say(text: str) -> None:
    """Write a line into the job's log, if there is space for it."""
    with contextlib.suppress(OSError):
        os.write(2, f"launcher: {text}\n".encode())


def home_trouble() -> str:
    """Why nothing can be written in the home; empty if it can."""
    home = os.path.expanduser("~")
    probe = os.path.join(home, f".jupyterhub-probe-{os.urandom(8).hex()}")
    try:
        with open(probe, "xb") as file:
            file.write(b"x")
    except OSError as error:
        return f"{home}: {error.strerror}"
    finally:
        with contextlib.suppress(OSError):
            os.unlink(probe)
    return ""


def private_folder() -> str:
    """A new folder that nobody else can enter; empty if none can be made. A name that is taken is not followed."""
    for parent in FOLDERS:
        path = f"{parent}/jupyter-{os.urandom(8).hex()}"
        with contextlib.suppress(OSError):
            os.mkdir(path, 0o700)
            return path
    return ""


def kernels_apart(folder: str) -> str:
    """A ``JUPYTER_PATH`` with the user's kernels in it and nothing else of the user's; empty if none is needed.

    JupyterHub's ``disable_user_config`` leaves out whatever is in the home: kernels, too, which are no configuration.
    """
    if not folder or os.environ.get("JUPYTERHUB_DISABLE_USER_CONFIG", "") in ("", "0"):
        return ""
    share = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    data = os.environ.get("JUPYTER_DATA_DIR") or os.path.join(share, "jupyter")
    own = os.path.join(folder, "own")
    try:
        os.mkdir(own, 0o700)
        os.symlink(os.path.join(data, "kernels"), os.path.join(own, "kernels"))
    except OSError as error:
        say(f"your own kernels are not offered: {error.strerror}")
        return ""
    # The user's come before those of the environment, as without disable_user_config, and after the site's.
    return os.pathsep.join(filter(None, [os.environ.get("JUPYTER_PATH"), own]))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("", 0))
        return int(listener.getsockname()[1])


def listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


def log_tail() -> str:
    """The end of the job's log, if its output goes to a file."""
    with contextlib.suppress(OSError):
        if stat.S_ISREG(os.fstat(2).st_mode):
            with open("/proc/self/fd/2", "rb") as log:
                log.seek(max(0, os.fstat(2).st_size - LOG_BYTES))
                return log.read(LOG_BYTES).decode(errors="replace")
    return ""


def accepted(hub: Hub, server: subprocess.Popen[bytes], **what: object) -> bool:
    """Report until the hub answers; False only if it refuses. Ends with the server, too."""
    pause, longest = PAUSES
    while server.poll() is None:
        if (answer := hub.report(what)) is not None:
            return answer
        wait(server, pause)
        pause = min(pause * 1.5, longest)
    return True


def wait(server: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait, but not longer than the server lives."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(seconds)


def wanted(hub: Hub, server: subprocess.Popen[bytes], host: str, port: int, imported: str) -> bool:
    """Report the job, the server once there is the file ``imported``, and that it listens; False if the hub refuses."""
    if not accepted(hub, server, stage="started"):
        return False
    while server.poll() is None and not listens(host, port):
        if os.path.exists(imported):  # noqa: PTH110
            imported = ""
            hub.report({"stage": "imported"}, 2)
        wait(server, 0.05)
    return accepted(hub, server, stage="listening", port=port)


def end(server: subprocess.Popen[bytes]) -> None:
    """End the server, by force if need be."""
    server.terminate()
    wait(server, KILL_SECONDS)
    server.kill()


def farewell(hub: Hub, **what: object) -> None:
    """Report how it ended, if the hub can be told quickly."""
    deadline = time.monotonic() + FAREWELL_SECONDS
    while hub.report({"stage": "ended", **what}, 2) is None and time.monotonic() < deadline:
        time.sleep(PAUSES[0])


def configure(environment: dict[str, str], folder: str, text: str) -> None:
    """Give a Jupyter server a file of configuration more."""
    with contextlib.suppress(OSError):
        os.mkdir(folder, 0o700)
        with open(os.path.join(folder, "jupyter_server_config.py"), "x") as file:
            file.write(text)
        path = environment.get("JUPYTER_CONFIG_PATH")
        environment["JUPYTER_CONFIG_PATH"] = folder + os.pathsep + path if path else folder


def main(mark: str, command: list[str]) -> int:
    """Run the server; its exit status, as a shell gives it."""
    hub, trouble = Hub(mark), home_trouble()
    if trouble:
        say("nothing can be written in the home directory " + trouble)
        farewell(hub, status=1, home=trouble)
        return 1
    job, port = Job(), free_port()
    url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    host = url.hostname or ""
    netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    environment = dict(os.environ, JUPYTERHUB_SERVICE_URL=url._replace(netloc=netloc).geturl())
    server_config = environment.pop("JUPYTERHUB_LAUNCHER_SERVER_CONFIG", "")
    if job.folder:
        environment["JUPYTER_RUNTIME_DIR"] = job.folder
        configure(environment, os.path.join(job.folder, "config"), server_config)
    if path := kernels_apart(job.folder):
        environment["JUPYTER_PATH"] = path
    try:
        server = job.start(command, environment)
        imported = os.path.join(job.folder, "config", "imported")
        refused = not wanted(hub, server, ANY_ADDRESS.get(host, host), port, imported)
        if refused:
            say("the hub does not know this job: it ends")
            end(server)
        status = server.wait()
    except OSError as error:
        say(f"{command[0]}: {error.strerror}")
        refused, status = False, 127
    finally:
        job.clean_up()
    if not refused:
        farewell(hub, status=status, log=log_tail())
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
