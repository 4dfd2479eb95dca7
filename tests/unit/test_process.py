"""The process runner, with real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Never

import pytest

from brics_envs.effects import interrupts, process
from brics_envs.effects.process import LAST_LINES, CommandError, run


@pytest.fixture(autouse=True)
def not_stopping() -> Iterator[None]:
    yield
    interrupts._stopping.clear()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ended(pid: int) -> bool:
    return not alive(pid)


def wait_until(condition: Callable[[], object], timeout_s: float = 5) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_output_and_status() -> None:
    done = run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_s=5, check=False)
    assert (done.status, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert run(["printf", r"a\377b"], timeout_s=5).stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_arguments_are_not_read_by_a_shell() -> None:
    assert run(["printf", "%s", "$HOME `id` ; *"], timeout_s=5).stdout == "$HOME `id` ; *"


def test_a_failure_shows_command_status_and_last_lines() -> None:
    with pytest.raises(CommandError) as caught:
        run(
            [
                "sh",
                "-c",
                "seq() { i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); done; }; seq; exit 7",
            ],
            timeout_s=5,
        )
    error = caught.value
    assert error.status == 7
    assert "failed with exit status 7" in str(error)
    shown = [line for line in str(error).splitlines() if line.startswith("  line")]
    assert shown == [f"  line {number}" for number in range(50 - LAST_LINES, 50)]
    assert error.output.startswith("line 0\n")


@pytest.mark.parametrize("signal_number", [9, 15])
def test_a_process_ended_by_a_signal_has_failed(signal_number: int) -> None:
    with pytest.raises(CommandError, match=f"exit status -{signal_number}"):
        run(["sh", "-c", f"kill -{signal_number} $$"], timeout_s=5)


def test_a_missing_program_names_it_and_the_way_on() -> None:
    with pytest.raises(CommandError, match="no-such-program: not found on PATH") as caught:
        run(["no-such-program", "--flag"], timeout_s=5)
    assert caught.value.status == 127
    assert "hint: run ./bootstrap" in str(caught.value)


def test_the_hint_is_shown() -> None:
    with pytest.raises(CommandError, match="hint: try again"):
        run(["false"], timeout_s=5, hint="try again")


def test_too_slow_is_stopped_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    started = time.monotonic()
    with pytest.raises(CommandError, match="timed out") as caught:
        run(["sh", "-c", f"echo so far; sleep 60 & echo $! $$ > {pids}; wait"], timeout_s=0.3)
    assert time.monotonic() - started < 30
    assert caught.value.status is None
    assert "so far" in caught.value.output
    for pid in pids.read_text().split():
        wait_until(partial(ended, int(pid)))


def test_sigterm_ignored_is_followed_by_sigkill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    with pytest.raises(CommandError, match="timed out"):
        run(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], timeout_s=0.3)


def test_a_daemon_that_keeps_the_pipe_does_not_hold_us_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PIPE_GRACE_S", 0.2)
    started = time.monotonic()
    assert run(["sh", "-c", "sleep 30 & echo done"], timeout_s=20).stdout == "done\n"
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("data", [b"a" * 1_000_000, [b"a" * 500_000] * 2])
def test_standard_input(data: bytes | list[bytes]) -> None:
    assert run(["wc", "-c"], timeout_s=5, stdin=data).stdout.strip() == "1000000"


def test_no_standard_input_is_an_empty_one() -> None:
    assert run(["cat"], timeout_s=5).stdout == ""


def test_a_process_need_not_read_its_input() -> None:
    assert run(["true"], timeout_s=5, stdin=b"a" * 10_000_000).status == 0


def test_an_input_that_breaks_off_is_never_taken_for_a_whole_one(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"first half"
        raise OSError("cannot read the other half")

    whole = tmp_path / "whole"
    with pytest.raises(OSError, match="the other half"):
        run(["sh", "-c", f"cat > /dev/null; touch {whole}"], timeout_s=5, stdin=chunks())
    assert not whole.exists()


def test_variables_are_added_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "yes")
    shown = run(["sh", "-c", 'echo "$INHERITED $ADDED"'], timeout_s=5, env={"ADDED": "too"}).stdout
    assert shown == "yes too\n"


def test_lines_are_reported_as_they_come(tmp_path: Path) -> None:
    go, seen = tmp_path / "go", []

    def on_line(line: str) -> None:
        seen.append(line)
        go.touch()

    run(
        ["sh", "-c", f"echo one; until [ -e {go} ]; do sleep 0.05; done; echo two >&2"],
        timeout_s=5,
        on_line=on_line,
    )
    assert seen == ["one", "two"]


def test_what_a_callback_raises_is_raised() -> None:
    def on_line(_line: str) -> Never:
        raise ValueError("cannot show it")

    with pytest.raises(ValueError, match="cannot show it"):
        run(["yes"], timeout_s=0.3, on_line=on_line)


def test_stops_what_left_the_group_too(tmp_path: Path) -> None:
    """As the commands of a `podman build` do."""
    pid_file = tmp_path / "pid"
    script = (
        "import pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))\n"
        "time.sleep(300)\n"
    )
    with pytest.raises(CommandError):
        run([sys.executable, "-c", script], timeout_s=2)
    wait_until(lambda: not alive(int(pid_file.read_text())))


def test_stop_all_stops_what_other_threads_run_and_refuses_more(tmp_path: Path) -> None:
    pid, raised = tmp_path / "pid", []

    def work() -> None:
        try:
            run(["sh", "-c", f"echo $$ > {pid}; exec sleep 60"], timeout_s=90)
        except BaseException as error:
            raised.append(type(error))

    threads = [threading.Thread(target=work)]
    threads[0].start()
    wait_until(lambda: pid.exists() and pid.read_text().strip())
    process.stop_all()
    threads[0].join(5)
    assert raised == [KeyboardInterrupt]
    assert not alive(int(pid.read_text()))
    with pytest.raises(KeyboardInterrupt):
        run(["true"], timeout_s=5)


def test_ctrl_c_stops_the_process(tmp_path: Path) -> None:
    """Also where this process was started with SIGINT ignored, as scripts start what runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    pid = tmp_path / "pid"

    def interrupt() -> None:
        wait_until(lambda: pid.exists() and pid.read_text())
        os.kill(os.getpid(), 2)

    timer = threading.Timer(0, interrupt)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run(["sh", "-c", f"echo $$ > {pid}; exec sleep 60"], timeout_s=90)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert not alive(int(pid.read_text()))


def test_a_process_that_replaces_ours() -> None:
    code = (
        "from brics_envs.effects.process import replace_process as r; r(['sh', '-c', 'echo $A'], {'A': 'b'})"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "b\n"


def test_the_gate_starts_nothing_for_a_command_that_was_killed(tmp_path: Path) -> None:
    made = tmp_path / "made"
    argv = [*process.GATE, "touch", str(made)]
    subprocess.run(argv, input=b"", check=False)
    assert not made.exists()
    subprocess.run(argv, input=b"\n", check=True)
    assert made.exists()


def test_a_process_beside_the_command_lasts_until_the_end(tmp_path: Path) -> None:
    output = tmp_path / "output"
    argv = ["sh", "-c", "echo $$ $MARK; exec sleep 60"]
    status = process.until_end(process.beside(argv, output, {"MARK": "marked"}))
    wait_until(lambda: output.read_text().endswith("\n"))
    pid, mark = output.read_text().split()
    assert mark == "marked"
    assert status() is None
    process.end()
    assert ended(int(pid))
    assert status() == -signal.SIGTERM
    process.end()


def test_a_signal_ends_a_process_beside_the_command(tmp_path: Path) -> None:
    with process.beside(["sleep", "60"], tmp_path / "output") as status:
        process.stop_all()
        wait_until(lambda: status() is not None)
