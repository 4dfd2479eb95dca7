"""The one place that starts commands. May import: errors, guardian, interrupts, process_tree.

Every command is found on PATH, run without a shell's reading its arguments, time-limited, checked, and stopped with
all that it has started when the user presses Ctrl-C, also when a worker thread waits for it (:func:`stop_all`).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from brics_envs.effects import interrupts, process_tree
from brics_envs.effects.guardian import guardian
from brics_envs.errors import EnvsError

LAST_LINES = 20
"""How many of the last lines of a failed command's output its error shows."""

GRACE_S = 4.0
"""Seconds between SIGTERM and SIGKILL when a process is stopped."""

PIPE_GRACE_S = 2.0
"""Seconds that a pipe is read for after its process has ended."""

GATE = ("/bin/sh", "-c", 'read -r _ && exec "$@"', "sh")
"""Starts what its arguments name when its standard input has a line, which it reads, and never if that ends before.

So a command is known to :mod:`brics_envs.effects.guardian` before it does anything.
"""

Entered = TypeVar("Entered")

_running: set[subprocess.Popen[bytes]] = set()
_lock = threading.Lock()
_until_end = contextlib.ExitStack()


def last_lines(output: str) -> str:
    """The end of a command's output, indented, for a message."""
    return "\n".join(f"  {line}" for line in output.splitlines()[-LAST_LINES:])


class CommandError(EnvsError):
    """A command that failed; carries the command, its exit status and the last lines of its output."""

    def __init__(self, argv: Sequence[str], status: int | None, output: str, *, hint: str = "") -> None:
        self.argv = tuple(argv)
        self.status = status
        self.output = output
        ended = "timed out" if status is None else f"failed with exit status {status}"
        tail = last_lines(output)
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
    :raises KeyboardInterrupt: the user has pressed Ctrl-C (:mod:`brics_envs.effects.interrupts`).
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
        _stop([process])
    except BaseException:
        _stop([process])
        raise
    finally:
        _unregister(process)
    for thread in readers:
        # A daemon that inherited the pipe must not hold us up.
        thread.join(PIPE_GRACE_S)
    if failures:
        raise failures[0]
    if process.returncode != 0:
        interrupts.check()
    stdout, stderr = (b"".join([*lines]).decode(errors="replace") for lines in (stdout_lines, stderr_lines))
    if timed_out or (check and process.returncode != 0):
        raise CommandError(argv, None if timed_out else process.returncode, stdout + stderr, hint=hint)
    return Completed(process.returncode, stdout, stderr)


@contextlib.contextmanager
def beside(
    argv: Sequence[str], output: Path, env: Mapping[str, str] | None = None
) -> Iterator[Callable[[], int | None]]:
    """Have a process run beside the command for the length of a ``with`` block.

    :param argv: program and arguments; the program is looked up on PATH.
    :param output: file for what it writes.
    :param env: variables added to this process's environment.
    :returns: tells its exit status; none while it runs.
    :raises CommandError: the program is not on PATH.
    """
    with output.open("wb") as file:
        process = _start(argv, env, "", file)
    try:
        _write(process, None, [])
        yield process.poll
    finally:
        _stop([process])
        _unregister(process)


def until_end(context: contextlib.AbstractContextManager[Entered]) -> Entered:
    """Enter what lasts until the command ends, however that is (:func:`end`)."""
    return _until_end.enter_context(context)


@atexit.register
def end() -> None:
    """End what was to last as long as the command. The command's own thread does it, also after a signal."""
    _until_end.close()


def replace_process(argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    """Become ``argv`` (an interactive shell, a log that is followed). Does not return.

    :raises CommandError: the program is not on PATH.
    """
    program = _find(argv, "")
    end()
    guardian.finish()
    os.execvpe(program, list(argv), {**os.environ, **(env or {})})  # noqa: S606


def stop_all() -> None:
    """Stop every running process and refuse new ones: the user has pressed Ctrl-C."""
    with _lock:
        interrupts.refuse_more()
        running = list(_running)
    _stop(running)


def _find(argv: Sequence[str], hint: str) -> str:
    program = shutil.which(argv[0])
    if program is None:
        raise CommandError(argv, 127, f"{argv[0]}: not found on PATH", hint=hint or "run ./bootstrap")
    return program


def _start(
    argv: Sequence[str], env: Mapping[str, str] | None, hint: str, output: IO[bytes] | int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    program = _find(argv, hint)
    with _lock:  # no process may slip through while stop_all is at work
        interrupts.check()
        process = subprocess.Popen(
            [*GATE, program, *argv[1:]],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {})},
            # A session of its own: Ctrl-C reaches us alone, and we stop all that belongs to it in order.
            start_new_session=True,
        )
        _running.add(process)
        guardian.keep("process", process.pid)
    return process


def _unregister(process: subprocess.Popen[bytes]) -> None:
    with _lock:
        _running.discard(process)
        guardian.forget("process", process.pid)


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
            stream.write(b"\n")  # for the gate
            stream.flush()
            for chunk in [data] if isinstance(data, bytes) else data or ():
                stream.write(chunk)
        except BrokenPipeError:
            raise
        except Exception as error:
            # Half an input must not pass for a whole one: the process is stopped before it sees the end.
            failures.append(error)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _stop(processes: Collection[subprocess.Popen[bytes]]) -> None:
    """Stop processes, and whatever had come of them."""
    by_pid = {process.pid: process for process in processes}
    process_tree.stop(by_pid, GRACE_S, has_ended=lambda pid: by_pid[pid].poll() is not None)
