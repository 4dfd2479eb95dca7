"""Signals to commands, with real processes: a soon end, and nothing left."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

HEAD = """
import sys, time, threading
from pathlib import Path
from brics_envs.cli import command
from brics_envs.effects import files, interrupts, process
from brics_envs.effects.at_once import at_once
from brics_envs.errors import EnvsError

def begun():
    Path("begun").touch()

def sleeper(seconds=300):
    # What it starts leaves its group, as the commands of `podman build` do.
    code = f"import subprocess; subprocess.run(['sleep', '{seconds}'], start_new_session=True)"
    process.run([sys.executable, "-c", f"import pathlib; pathlib.Path('begun').touch(); {code}"], timeout_s=600)

@command
def task():
"""

WAITS = {
    "for a process": "sleeper()",
    "for several at once": "at_once(lambda _: sleeper(), [1, 2])",
    "for time": "begun(); interrupts.sleep(300)",
    "for a lock": "begun()\nwith files.locked(Path('lock'), 300): pass",
}


def hear_signals() -> None:
    """Also where the tests run in the background, or under nohup."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


class Command:
    """A command that is going on in a directory, and all that has come of it."""

    def __init__(
        self,
        directory: Path,
        body: str,
        preexec_fn: Callable[[], object] = hear_signals,
        **popen: Any,
    ) -> None:
        self.directory = directory
        self.mark = f"BRICS_TEST_MARK={directory}"
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        (directory / "tmp").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"{HEAD}{lines}\n\ntask()\n"],
            cwd=directory,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "TMPDIR": str(directory / "tmp"),
                "BRICS_TEST_MARK": str(directory),
            },
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=preexec_fn,
            **popen,
        )

    def wait_for(self, name: str = "begun") -> None:
        wait_until((self.directory / name).exists)

    def end(self, *numbers: int, pause_s: float = 0.1, timeout_s: float = 15) -> tuple[int, str]:
        """Send it signals; its exit status and what it said on standard error."""
        for number in numbers:
            self.process.send_signal(number)
            time.sleep(pause_s)
        try:
            said = self.process.communicate(timeout=timeout_s)[1]
        finally:
            self.process.kill()
        return self.process.returncode, said

    def left(self) -> list[bytes | Path]:
        """Its processes and temporary files."""
        return [*marked(self.mark), *(self.directory / "tmp").iterdir()]


def marked(mark: str) -> list[bytes]:
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (directory / "environ").read_bytes().split(b"\0"):
                found.append((directory / "cmdline").read_bytes())
    return found


def wait_until(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[None]:
    """A lock that another process holds."""
    code = (
        "import sys; from pathlib import Path; from brics_envs.effects.files import locked\n"
        "with locked(Path('lock'), 0): print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdin
        assert holder.stdout
        holder.stdout.readline()
        yield
        holder.stdin.close()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("wait", WAITS)
def test_ends_every_wait(tmp_path: Path, lock: None, wait: str, number: int) -> None:
    body = "\n".join(f"    {line}" for line in WAITS[wait].splitlines())
    command = Command(tmp_path, f"with files.temporary_directory('brics-'):\n{body}")
    command.wait_for()
    began = time.monotonic()
    status, said = command.end(number)
    assert time.monotonic() - began < 10
    assert status == 128 + number
    assert said.startswith("error: interrupted; `invoke up` resumes")
    assert "Traceback" not in said
    assert command.left() == []


def test_further_signals_do_not_break_the_clearing_up(tmp_path: Path) -> None:
    body = """
try:
    sleeper()
finally:
    with interrupts.clearing_up():
        for _ in range(10):
            process.run(["sh", "-c", "echo cleared >> cleared; sleep 0.1"], timeout_s=5)
"""
    command = Command(tmp_path, body)
    command.wait_for()
    status, said = command.end(signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, pause_s=0.3)
    assert status == 130
    assert "Traceback" not in said
    assert (tmp_path / "cleared").read_text() == "cleared\n" * 10
    assert command.left() == []


def test_what_does_not_end_is_ended(tmp_path: Path) -> None:
    body = """
interrupts.FORCE_S = 0.5
with files.temporary_directory("brics-") as folder:
    (folder / "secret").touch()
    begun()
    threading.Event().wait()
"""
    command = Command(tmp_path, body)
    command.wait_for()
    assert command.end(signal.SIGTERM) == (143, "")
    assert command.left() == []


def test_output_that_nobody_reads_does_not_keep_it(tmp_path: Path) -> None:
    body = "interrupts.FORCE_S = 0.5\nbegun()\nprint('x' * 1_000_000, flush=True)"
    command = Command(tmp_path, body, stdout=subprocess.PIPE)
    command.wait_for()
    time.sleep(0.3)
    command.process.send_signal(signal.SIGINT)
    assert command.process.wait(15) == 130
    command.end()


@pytest.mark.parametrize("moment", ["while it works", "while it stops"])
def test_killed(tmp_path: Path, moment: str) -> None:
    """The guardian clears up, and holds the lock until it has."""
    body = """
with files.locked(Path("lock"), 0), files.temporary_directory("brics-") as folder:
    (folder / "secret").touch()
    process.run(["sh", "-c", "trap '' TERM; touch begun; sleep 300 & wait; sleep 300"], timeout_s=600)
"""
    command = Command(tmp_path, body)
    command.wait_for()
    if moment == "while it stops":
        command.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    command.process.kill()
    command.process.wait()
    next_one = Command(tmp_path, "with files.locked(Path('lock'), 20): begun()")
    assert next_one.end()[0] == 0
    # Whoever got the lock after the guardian finds nothing left but, for a moment, the guardian itself.
    assert not [line for line in command.left() if b"guardian" not in bytes(line)]
    wait_until(lambda: command.left() == [])


def test_a_hang_up_does_not_end_what_nohup_started(tmp_path: Path) -> None:
    body = "begun()\nfor _ in range(10): interrupts.sleep(0.1)"
    command = Command(tmp_path, body, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    command.wait_for()
    assert command.end(signal.SIGHUP) == (0, "")


def test_ctrl_c_counts_where_a_script_ignores_it(tmp_path: Path) -> None:
    command = Command(tmp_path, "sleeper()", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    command.wait_for()
    assert command.end(signal.SIGINT)[0] == 130


def test_a_command_that_ends_by_itself(tmp_path: Path) -> None:
    command = Command(tmp_path, "raise EnvsError('no such thing', exit_status=2)")
    assert command.end() == (2, "error: no such thing\n")
    assert command.left() == []


def test_a_fault_of_ours_shows_its_traceback(tmp_path: Path) -> None:
    status, said = Command(tmp_path, "raise ZeroDivisionError").end()
    assert status == 1
    assert "ZeroDivisionError" in said


def test_a_closed_terminal(tmp_path: Path) -> None:
    """Nothing can be written any more; the status is that of the signal all the same."""
    primary, secondary = os.openpty()
    command = Command(tmp_path, "print('x', flush=True)\nsleeper()\n", stdout=secondary)
    command.wait_for()
    os.close(secondary)
    os.close(primary)
    assert command.end(signal.SIGHUP)[0] == 129
    assert command.left() == []


def test_becoming_another_program_leaves_no_guardian(tmp_path: Path) -> None:
    command = Command(tmp_path, "process.replace_process(['sh', '-c', ': > begun; exec sleep 300'])")
    command.wait_for()
    pid = command.process.pid
    assert Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""
    assert command.end(signal.SIGTERM)[0] == -signal.SIGTERM
    assert command.left() == []


def test_signals_at_random_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first import to the last line."""
    # Whoever measures coverage is started before our code, and shows a traceback when it is interrupted.
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)
    seed = random.randrange(2**32)  # noqa: S311
    print(f"seed {seed}")
    moments = random.Random(seed)  # noqa: S311
    body = """
with files.locked(Path("lock"), 5), files.temporary_directory("brics-"):
    at_once(lambda _: process.run(["sleep", "0.05"], timeout_s=5), [1, 2, 3])
    files.write_private(Path("secret"), b"secret")
    process.run(["sh", "-c", "sleep 0.2 & wait"], timeout_s=5)
"""
    for _ in range(12):
        directory = tmp_path / str(moments.random())
        directory.mkdir()
        command = Command(directory, body)
        number = moments.choice(SIGNALS)
        time.sleep(moments.uniform(0, 1.0))
        status, said = command.end(number)
        # It may come before our code.
        if status != -number and not (number == signal.SIGINT and "KeyboardInterrupt" in said):
            assert status in (0, 128 + number)
            assert "Traceback" not in said
        assert command.left() == []
        assert not [path for path in directory.iterdir() if path.name.startswith(".")]
