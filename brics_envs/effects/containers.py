"""What podman's socket tells and does: look at things, run commands in containers, read logs and files.

May import: errors, process, podman_socket, plan.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, Protocol

from brics_envs.effects.podman_socket import API_VERSION, SocketError, ask
from brics_envs.effects.process import Completed
from brics_envs.plan.log_lines import Wanted
from brics_envs.plan.names import LABEL_PROJECT, PROJECT

if TYPE_CHECKING:
    from docker import APIClient
    from requests import Response

LIBPOD = "/v4.0.0/libpod"
"""podman's own routes, of the oldest version that all of ours (4.9 and newer) still understand.

docker's routes say nothing of pods, restarts and images of read-only stores, and name networks differently.
"""

LOOK_S = 60.0
"""Seconds for looking at things."""

EXIT_STATUS_S = 5.0
"""Seconds that podman has to note a command's exit status after its output has ended."""

EXIT_STATUS_POLL_S = 0.02

NOT_FOUND = 404

OUTPUT, ERROR = 1, 2
"""Streams, as docker's frames number them."""


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, amt: int, /) -> bytes:
        """So many bytes; fewer only at the end."""


OnLine = Callable[[str], None]


def listed(kind: str, *, ours: bool = False) -> list[dict[str, Any]]:
    """What podman has of one kind, as its own commands print it with ``--format json``.

    :param kind: ``pods``, ``containers``, ``volumes``, ``networks``, ``images`` or ``secrets``.
    :param ours: only what carries the project's label.
    :raises SocketError: podman could not tell.
    """
    wanted: dict[str, str] = {"all": "true", "pod": "true"} if kind == "containers" else {}
    if ours:
        wanted["filters"] = json.dumps({"label": [f"{LABEL_PROJECT}={PROJECT}"]})
    found: list[dict[str, Any]] = _libpod(f"{kind}/json", wanted) or []
    return found


def inspected(kind: str, name: str, **wanted: str) -> dict[str, Any] | None:
    """All that podman tells of one thing; none if it is not there.

    :param kind: as for :func:`listed`.
    :param wanted: parameters of the route.
    :raises SocketError: podman could not tell.
    """
    try:
        found: dict[str, Any] = _libpod(f"{kind}/{name}/json", wanted)
    except SocketError as error:
        if error.status == NOT_FOUND:
            return None
        raise
    return found


def execute(
    container: str,
    *command: str,
    timeout_s: float,
    options: Mapping[str, Any] | None = None,
    on_line: OnLine | None = None,
) -> Completed:
    """Run a command in a container to its end; that it cannot be run is an answer, too, as for a shell.

    :param container: podman's name of it.
    :param options: further ones of docker-py's ``exec_create``. With ``stdin`` the command's input is empty, and ends
        when this process does.
    :param on_line: called with every line as it comes, those of standard error included, from another thread; what is
        returned has no output then, but for why the command could not be run.
    :raises KeyboardInterrupt: a signal has come.
    """

    def run(api: APIClient) -> Completed:
        session = api.exec_create(container, list(command), **(options or {}))["Id"]
        # Not docker-py's exec_start: that asks for a socket, and reads from the one below the buffer with which the
        # answer's head was read. Output that came together with the head is lost: all of a command that ends at once.
        # Without "Upgrade" podman sends the same frames, and they are read where the head was read.
        url = f"{api.base_url}/v{API_VERSION}/exec/{session}/start"
        with _checked(
            api.post(url, json={"Detach": False, "Tty": False}, stream=True, timeout=timeout_s)
        ) as answer:
            output, error = by_stream(_frames(answer.raw), on_line)
        return Completed(_exit_status(api, session), output, error)

    try:
        return ask(f"{container}: {command[0]}", timeout_s, run)
    except SocketError as error:
        return Completed(127 if error.status else 125, "", f"{error.message}\n")


def output(container: str, wanted: Wanted) -> str:
    """What a container has written, in the order in which it was written.

    :raises SocketError: there is no such container.
    """
    logs: bytes = ask(f"logs of {container}", LOOK_S, lambda api: api.logs(container, **_selection(wanted)))
    return logs.decode(errors="replace")


def follow_output(container: str, wanted: Wanted, timeout_s: float, on_line: OnLine) -> None:
    """Call a function with what a container has written, and with every line that it writes, until it ends.

    :raises SocketError: there is no such container.
    """

    def follow(api: APIClient) -> None:
        by_stream(
            ((OUTPUT, data) for data in api.logs(container, stream=True, follow=True, **_selection(wanted))),
            on_line,
        )

    ask(f"logs of {container}", timeout_s, follow)


def read_archive(container: str, path: str, into: IO[bytes], timeout_s: float) -> None:
    """Write a tar archive of a directory or file of a container, which need not run, into a file.

    :raises SocketError: there is no such container or path.
    """
    ask(f"{container}: {path}", timeout_s, lambda api: into.writelines(api.get_archive(container, path)[0]))


def by_stream(frames: Iterable[tuple[int, bytes]], on_line: OnLine | None = None) -> tuple[str, str]:
    """Standard output and standard error of frames, each whole.

    :param on_line: as for :func:`execute`.
    """
    whole, begun = {OUTPUT: bytearray(), ERROR: bytearray()}, {OUTPUT: b"", ERROR: b""}
    for stream, data in frames:
        if on_line is None:
            whole[stream] += data
            continue
        *lines, begun[stream] = (begun[stream] + data).split(b"\n")
        for line in lines:
            on_line(line.decode(errors="replace"))
    for rest in filter(None, begun.values()):
        if on_line is not None:
            on_line(rest.decode(errors="replace"))
    return whole[OUTPUT].decode(errors="replace"), whole[ERROR].decode(errors="replace")


def _selection(wanted: Wanted) -> dict[str, Any]:
    since = {"since": wanted.since.timestamp()} if wanted.since else {}
    return {"tail": "all" if wanted.tail is None else wanted.tail, **since}


def _frames(stream: Readable) -> Iterator[tuple[int, bytes]]:
    """Stream and contents of each frame: one byte, three of padding, and the length."""
    while head := stream.read(8):
        number, length = struct.unpack(">BxxxL", head)
        yield number, stream.read(length)


def _exit_status(api: APIClient, session: str) -> int:
    deadline = time.monotonic() + EXIT_STATUS_S
    while (found := api.exec_inspect(session))["Running"] and time.monotonic() < deadline:
        time.sleep(EXIT_STATUS_POLL_S)
    return int(found["ExitCode"])


def _libpod(route: str, wanted: Mapping[str, str]) -> Any:
    return ask(
        route, LOOK_S, lambda api: _checked(api.get(f"{api.base_url}{LIBPOD}/{route}", params=wanted)).json()
    )


def _checked(answer: Response) -> Response:
    from docker.errors import create_api_error_from_http_exception
    from requests import HTTPError

    try:
        answer.raise_for_status()
    except HTTPError as error:
        create_api_error_from_http_exception(error)
    return answer
