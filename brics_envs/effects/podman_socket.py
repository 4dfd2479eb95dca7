"""docker-py on podman's socket, and the socket itself where podman has none yet.

May import: errors, interrupts, process, files, podman, plan.

Which podman it is, is decided as for podman's commands. This machine's own gets a service for as long as the command
lasts, never one that runs already: that may have another storage. ssh brings a socket of another machine here, so that
docker-py needs nothing but sockets. docker is imported when it is first needed: that takes longer than many a command.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from brics_envs.effects import interrupts, process
from brics_envs.effects.files import temporary_directory
from brics_envs.effects.podman import environment, place
from brics_envs.errors import EnvsError
from brics_envs.plan.podman_place import Place, ssh_arguments

if TYPE_CHECKING:
    from docker import APIClient

Answer = TypeVar("Answer")

API_VERSION = "1.41"
"""Of docker's API, as podman has it since 3.0. Saying so saves the question which one it is."""

START_S = 30.0
"""Seconds that a service, or ssh, has until its socket answers."""

START_POLL_S = 0.01

CHECK_S = 0.2
"""Seconds between two looks whether a signal has come while podman is asked."""

PARENT_BYTES = 70
"""Of the path of a socket's grandparent; macOS takes 103 of the whole, Linux 107."""

ANSWER_S = 60
"""Seconds that podman may be silent where nothing else is said."""


class SocketError(EnvsError):
    """What podman answers instead of doing what it was asked, or why it does not answer."""

    def __init__(self, message: str, status: int = 0, hint: str = "") -> None:
        self.status = status
        """HTTP's; 0 if there was no answer."""
        super().__init__(message, hint=hint)


@dataclass(frozen=True)
class _Connection:
    api: APIClient
    is_over: Callable[[], bool]


_connection: list[_Connection] = []
_lock = threading.Lock()


def ask(what: str, timeout_s: float, question: Callable[[APIClient], Answer]) -> Answer:
    """Ask podman something by its socket.

    The question is put in a thread of its own: no wait for a socket ends by itself at a signal or at a deadline.

    :param what: for messages.
    :param timeout_s: seconds for all of it.
    :param question: is given docker-py's client.
    :raises SocketError: podman refused, did not answer in time, or cannot be reached.
    :raises KeyboardInterrupt: a signal has come.
    """
    interrupts.check()
    api = _client()
    answer: Future[Answer] = Future()

    def put() -> None:
        try:
            answer.set_result(question(api))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=put, daemon=True).start()
    deadline = time.monotonic() + timeout_s
    while not answer.done():
        interrupts.check()
        rest = deadline - time.monotonic()
        if rest <= 0:
            raise SocketError(f"{what}: podman did not answer within {timeout_s:.0f} s")
        wait([answer], min(CHECK_S, rest))
    error = answer.exception()
    if error is None:
        return answer.result()
    # Our service ends with a signal, too; what then becomes of the answer is no error.
    interrupts.check()
    # The reader of our own output has gone, or the caller's part of the question has failed.
    if isinstance(error, EnvsError | BrokenPipeError):
        raise error
    raise _socket_error(what, error) from error


def _socket_error(what: str, error: BaseException) -> SocketError:
    from docker.errors import APIError
    from requests import ConnectionError as Unreachable

    if isinstance(error, APIError):
        return SocketError(f"{what}: {error.explanation or error}", error.status_code or 0)
    if isinstance(error, Unreachable) and (uri := place().uri):
        return SocketError(
            f"no podman answers at {uri}", hint="on that machine: `systemctl --user start podman.socket`"
        )
    return SocketError(f"{what}: {error}")


def _client() -> APIClient:
    """The client of this process. Its service or ssh may have ended by a signal; clearing up needs another then."""
    with _lock:
        if _connection and _connection[0].is_over():
            _connection.clear()
        if not _connection:
            _connection.append(process.until_end(_connected(place())))
        return _connection[0].api


@contextlib.contextmanager
def _connected(to: Place) -> Iterator[_Connection]:
    with _socket(to) as (uri, is_over):
        from docker import APIClient

        api = APIClient(base_url=uri, version=API_VERSION, timeout=ANSWER_S)
        # Neither a proxy nor a password of the environment is meant for podman.
        api.trust_env = False
        with contextlib.closing(api):
            if "CONTAINER_HOST" in dict(to.variables):
                _refuse_docker(api, to.uri)
            yield _Connection(api, is_over)


def _refuse_docker(api: APIClient, uri: str) -> None:
    """DOCKER_HOST may well name what it was made for."""
    from docker.errors import DockerException

    answers = False
    with contextlib.suppress(DockerException, OSError, KeyError):
        answers = "Podman Engine" in [part["Name"] for part in api.version(api_version=False)["Components"]]
    if not answers:
        raise EnvsError(
            f"no podman answers at {uri}, which is DOCKER_HOST",
            hint="unset DOCKER_HOST, or set CONTAINER_HOST to podman's socket",
        )


@contextlib.contextmanager
def _socket(to: Place) -> Iterator[tuple[str, Callable[[], bool]]]:
    """The address of a socket that is here, and what tells whether it has gone."""
    if urlsplit(to.uri).scheme not in ("", "ssh"):
        yield to.uri, lambda: False
        return
    with temporary_directory("brics-", _parent()) as folder:
        path, log = folder / "socket", folder / "log"
        command = (
            _forward(to, path) if to.uri else ["podman", "system", "service", "--time=0", f"unix://{path}"]
        )
        with process.beside(command, log, environment()) as status:
            import docker  # noqa: F401 - takes as long as the service to start

            _await(path, status, command, log)
            yield f"unix://{path}", lambda: status() is not None


def _forward(to: Place, here: Path) -> list[str]:
    remote = urlsplit(to.uri).path
    if remote in ("", "/"):
        asked = ["ssh", *ssh_arguments(to), "podman", "info", "--format={{.Host.RemoteSocket.Path}}"]
        remote = process.run(asked, timeout_s=START_S).stdout.strip().removeprefix("unix://")
    return ["ssh", "-nNT", "-oExitOnForwardFailure=yes", "-L", f"{here}:{remote}", *ssh_arguments(to)]


def _parent() -> Path:
    """Where temporary files belong, unless a socket's path would be too long there."""
    parent = Path(tempfile.gettempdir())
    return parent if len(os.fsencode(parent)) <= PARENT_BYTES else Path("/tmp")  # noqa: S108 - it gets a private folder


def _await(path: Path, status: Callable[[], int | None], command: Sequence[str], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not _listens(path):
        interrupts.check()
        over = time.monotonic() > deadline
        if over or status() is not None:
            raise process.CommandError(command, None if over else status(), log.read_text(errors="replace"))
        interrupts.sleep(START_POLL_S)


def _listens(path: Path) -> bool:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        return probe.connect_ex(str(path)) == 0
