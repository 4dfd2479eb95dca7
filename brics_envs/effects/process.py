"""The one place that starts processes. May import: errors.

Every process is found on PATH, run without a shell, time-limited, checked, and stopped when the user presses
Ctrl-C, also when it runs in a worker thread (:func:`stop_all`).
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

from brics_envs.errors import EnvsError

LAST_LINES = 20
"""How many of the last lines of a failed command's output its error shows."""

GRACE_S = 10.0
"""Seconds between SIGTERM and SIGKILL when a process is stopped."""

Member: TypeAlias = tuple[int, str]
"""A process: its number and its start time."""

PIPE_GRACE_S = 2.0
"""Seconds that a pipe is read for after its process has ended."""

_running: set[subprocess.Popen[bytes]] = set()
_stopping = threading.Event()
# Re-entrant: Ctrl-C may come, and stop everything, while the main thread holds it.
_lock = threading.RLock()


class CommandError(EnvsError):
    """A command that failed; carries the command, its exit status and the last lines of its output."""

    def __init__(self, argv: Sequence[str], status: int | None, output: str, *, hint: str = "") -> None:
        self.argv = tuple(argv)
        self.status = status
        self.output = output
        ended = "ran out of time" if status is None else f"failed with exit status {status}"
        tail = "\n".join(f"  {line}" for line in output.splitlines()[-LAST_LINES:])
        super().__init__(f"`{shlex.join(argv)}` {ended}" + (f":\n{tail}" if tail else ""), hint=hint)


@dataclass(frozen=True)
class Completed:
    """A finished process: its exit status and what it wrote (decoded, undecodable bytes replaced)."""

    status: int
    stdout: str
    stderr: str


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    stdin: bytes | Iterable[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    on_line: Callable[[str], None] | None = None,
    hint: str = "",
) -> Completed:
    """Run a process to its end and return what it wrote.

    :param argv: program and arguments; the program is looked up on PATH.
    :param timeout_s: seconds after which the process is stopped.
    :param stdin: bytes, or chunks of bytes, for its standard input; none means an empty input.
    :param env: variables added to this process's environment.
    :param check: raise if the exit status is not 0.
    :param on_line: called with every line of output as it comes, standard error included; from other threads.
    :param hint: for the error, what the user can do.
    :raises CommandError: not found, timed out, or (with ``check``) a non-zero exit status.
    :raises KeyboardInterrupt: the user has pressed Ctrl-C (:func:`stop_all`).
    """
    process = _start(argv, env, hint)
    stdout_lines, stderr_lines = list[bytes](), list[bytes]()
    failures = list[Exception]()
    readers = [
        threading.Thread(target=_read, args=(process.stdout, stdout_lines, on_line, failures), daemon=True),
        threading.Thread(target=_read, args=(process.stderr, stderr_lines, on_line, failures), daemon=True),
    ]
    writer = threading.Thread(target=_write, args=(process, stdin, failures), daemon=True)
    for thread in (*readers, writer):
        thread.start()
    timed_out = False
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        timed_out = True
        _stop(process)
    except BaseException:
        _stop(process)
        raise
    finally:
        with _lock:
            _running.discard(process)
    for thread in readers:
        # A daemon that inherited the pipe must not hold us up.
        thread.join(PIPE_GRACE_S)
    if failures:
        raise failures[0]
    if process.returncode != 0:
        _refuse_if_stopping()
    stdout, stderr = (b"".join([*lines]).decode(errors="replace") for lines in (stdout_lines, stderr_lines))
    if timed_out or (check and process.returncode != 0):
        raise CommandError(argv, None if timed_out else process.returncode, stdout + stderr, hint=hint)
    return Completed(process.returncode, stdout, stderr)


def replace_process(argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    """Become ``argv`` (an interactive shell, a log that is followed). Does not return.

    :raises CommandError: the program is not on PATH.
    """
    os.execvpe(_find(argv, ""), list(argv), {**os.environ, **(env or {})})  # noqa: S606


def stop_all() -> None:
    """Stop every running process and refuse new ones: the user has pressed Ctrl-C."""
    with _lock:
        _stopping.set()
        families = {process: _descendants(process.pid) for process in _running}
    for process in families:
        _signal_group(process, signal.SIGTERM)
    for process, family in families.items():
        _stop(process, family)


def _refuse_if_stopping() -> None:
    if _stopping.is_set():
        raise KeyboardInterrupt


def _find(argv: Sequence[str], hint: str) -> str:
    program = shutil.which(argv[0])
    if program is None:
        raise CommandError(argv, 127, f"{argv[0]}: not found on PATH", hint=hint or "run ./bootstrap")
    return program


def _start(argv: Sequence[str], env: Mapping[str, str] | None, hint: str) -> subprocess.Popen[bytes]:
    program = _find(argv, hint)
    with _lock:  # no process may slip through while stop_all is at work
        _refuse_if_stopping()
        process = subprocess.Popen(
            [program, *argv[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            # A group of its own: Ctrl-C reaches us alone, and we stop the whole group in order.
            start_new_session=True,
        )
        _running.add(process)
    return process


def _read(
    stream: IO[bytes] | None,
    into: list[bytes],
    on_line: Callable[[str], None] | None,
    failures: list[Exception],
) -> None:
    assert stream is not None
    with stream:
        for line in stream:
            into.append(line)
            if on_line is not None and not failures:
                try:
                    on_line(line.decode(errors="replace").rstrip("\n"))
                except Exception as error:
                    # Raised by run(); the pipe is still emptied, or the process would stand still.
                    failures.append(error)


def _write(
    process: subprocess.Popen[bytes], data: bytes | Iterable[bytes] | None, failures: list[Exception]
) -> None:
    stream = process.stdin
    assert stream is not None
    # The process may end before it has read everything; its exit status then says why.
    with contextlib.suppress(BrokenPipeError), stream:
        try:
            for chunk in [data] if isinstance(data, bytes) else data or ():
                stream.write(chunk)
        except BrokenPipeError:
            raise
        except Exception as error:
            # Half an input must not pass for a whole one: the process is stopped before it sees the end.
            failures.append(error)
            _signal_group(process, signal.SIGKILL)
            process.wait()


def _stop(process: subprocess.Popen[bytes], family: Iterable[Member] | None = None) -> None:
    """Stop a process and its group, and then whatever else had come of it: see :func:`_descendants`."""
    if family is None:
        family = _descendants(process.pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        _signal_group(process, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
            break
    for pid, start in family:
        found = _stat(Path("/proc", str(pid)))
        if found is not None and found[1] == start:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[Member]:
    """What a process has started, and that in turn, in groups of their own too.

    `podman build` leaves the command of its RUN instruction running when it is stopped. Without /proc: nothing.
    """
    parents: dict[int, list[tuple[int, str]]] = {}
    for directory in Path("/proc").glob("[0-9]*"):
        found = _stat(directory)
        if found is not None:
            parents.setdefault(found[0], []).append((int(directory.name), found[1]))
    family, new = list[Member](), [pid]
    while new:
        members = [member for parent in new for member in parents.get(parent, ())]
        family += members
        new = [member[0] for member in members]
    return family


def _stat(directory: Path) -> tuple[int, str] | None:
    """A process's parent and its start time, which tells it from a later one of the same number."""
    try:
        # The name of the program, in parentheses, may have anything in it.
        fields = (directory / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), fields[19]


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.returncode is None:  # else its number may belong to another process by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
