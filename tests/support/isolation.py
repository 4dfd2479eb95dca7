"""Keep unit tests from podman, Git and the network, even by accident.

Audit hooks see every process that Python starts and every address that it connects to; they cannot be taken
away or patched over. What they refuse fails the test also where its code swallows the exception. PATH holds a
few harmless programs only, for what those start in turn.
"""

from __future__ import annotations

import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = {
    *(
        "awk",
        "basename",
        "bash",
        "cat",
        "chmod",
        "cmp",
        "cp",
        "cut",
        "dirname",
        "env",
        "false",
        "grep",
        "head",
    ),
    *(
        "id",
        "kubectl",
        "ldconfig",
        "ls",
        "mkdir",
        "mktemp",
        "mv",
        "printf",
        "rm",
        "sed",
        "sh",
        "sleep",
        "sort",
    ),
    *("stat", "tail", "tee", "touch", "tr", "true", "uname", "wc", "yes"),
}
"""Programs that tests may start, besides this Python and those that they make themselves."""

LOOPBACK = ("127.", "::1", "localhost")

refused: list[str] = []
"""What was refused since the last test."""


class Refused(BaseException):
    """A unit test tried to reach what it must not; no `except Exception` swallows it."""


@functools.cache
def isolate() -> Path:
    """Put the guard up, once for the process, for conftest.py; the directory of programs that it makes."""
    directory = Path(tempfile.mkdtemp(prefix="brics-envs-unit-"))
    for program in PROGRAMS:
        found = shutil.which(program)
        if found:
            (directory / program).symlink_to(found)
    os.environ.update(
        PATH=str(directory),
        # GitPython looks for git when it is imported.
        GIT_PYTHON_REFRESH="quiet",
        # For processes of processes: the discard port answers nobody.
        http_proxy="http://127.0.0.1:9",
        https_proxy="http://127.0.0.1:9",
        no_proxy="127.0.0.1,localhost",
    )
    sys.addaudithook(_guard)
    return directory


@pytest.fixture(autouse=True)
def nothing_was_refused() -> Iterator[None]:
    """Fail a test that tried, whatever its code made of the exception."""
    refused.clear()
    yield
    assert not refused, "a unit test must not: " + "; ".join(refused)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Remove the directory of programs in the end, also in a process that only hands tests to others."""
    shutil.rmtree(isolate(), ignore_errors=True)


def _guard(event: str, args: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        executable, _argv, _cwd, env = args
        _check_program(os.fspath(executable), env)
    elif event in ("os.exec", "os.posix_spawn"):
        _check_program(os.fspath(args[0]), args[2])
    elif event in ("os.system", "pty.spawn"):
        _refuse(f"run {args[0]!r}")
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        _check_address(args[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        _check_address((args[0],))


def _check_program(executable: str | bytes, env: Any) -> None:
    name = os.fsdecode(executable)
    path = (os.environ if env is None else env).get("PATH", os.defpath)
    found = shutil.which(name, path=os.fsdecode(path))
    if found is None:
        return  # cannot start
    program = Path(found).absolute()
    if program.name in PROGRAMS or program.name.startswith("python"):
        return
    if not any(program.is_relative_to(place) for place in _temporary()):
        _refuse(f"start {program}")


def _temporary() -> tuple[Path, ...]:
    """Where tests make programs of their own."""
    place = Path(tempfile.gettempdir()).absolute()
    return (place, place.resolve())


def _check_address(address: Any) -> None:
    if isinstance(address, str | bytes):  # a Unix socket: podman's is one
        if not any(Path(os.fsdecode(address)).is_relative_to(place) for place in _temporary()):
            _refuse(f"connect to {address!r}")
    elif address and address[0] and not str(address[0]).startswith(LOOPBACK):
        _refuse(f"reach {address[0]!r}")


def _refuse(what: str) -> None:
    refused.append(what)
    raise Refused(f"a unit test must not {what}")
