"""How the output of a command in a container is put together, and what asking podman does at a signal."""

from __future__ import annotations

import io
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from brics_envs.effects import containers, interrupts, podman_socket
from brics_envs.effects.podman_socket import SocketError, ask

OUT, ERR = containers.OUTPUT, containers.ERROR


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A client that nothing is asked of."""
    monkeypatch.setattr(podman_socket, "_client", object)
    yield
    interrupts._stopping.clear()


def test_frames_are_read_whole() -> None:
    frames = [(OUT, b"first\n"), (ERR, b""), (ERR, b"x" * 70000)]
    wire = b"".join(struct.pack(">BxxxL", stream, len(data)) + data for stream, data in frames)
    assert list(containers._frames(io.BytesIO(wire))) == frames


def test_the_streams_are_kept_apart() -> None:
    assert containers.by_stream([(OUT, b"a"), (ERR, b"no\n"), (OUT, b"b\xff")]) == (
        "ab\N{REPLACEMENT CHARACTER}",
        "no\n",
    )


def test_lines_come_whole_however_they_are_cut() -> None:
    lines: list[str] = []
    frames = [
        (OUT, b"fi"),
        (ERR, b"err"),
        (OUT, "rst\nsecond\nü".encode()[:-1]),
        (OUT, "ü".encode()[-1:]),
        (ERR, b"or\n"),
    ]
    assert containers.by_stream(frames, lines.append) == ("", "")
    assert lines == ["first", "second", "error", "ü"]


def test_an_answer_comes_back() -> None:
    assert ask("it", 5, lambda api: 42) == 42


def test_podman_may_be_silent_so_long_and_no_longer() -> None:
    began = time.monotonic()
    with pytest.raises(SocketError, match=r"it: podman did not answer within 0 s"):
        ask("it", 0.3, lambda api: threading.Event().wait(20))
    assert time.monotonic() - began < 5


def test_a_signal_ends_a_question() -> None:
    threading.Timer(0.2, interrupts.refuse_more).start()
    with pytest.raises(KeyboardInterrupt):
        ask("it", 20, lambda api: threading.Event().wait(20))
    with pytest.raises(KeyboardInterrupt):
        ask("it", 20, lambda api: 42)
    with interrupts.clearing_up():
        assert ask("it", 20, lambda api: 42) == 42


def test_a_failure_is_told() -> None:
    def fail(_: object) -> None:
        raise ConnectionResetError("reset by peer")

    with pytest.raises(SocketError, match="it: reset by peer"):
        ask("it", 5, fail)


def test_the_reader_of_our_own_output_may_go() -> None:
    def fail(_: object) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        ask("it", 5, fail)


def test_what_cannot_be_run_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise SocketError("pod-slurm: true: no such container", 404)

    monkeypatch.setattr(containers, "ask", refuse)
    done = containers.execute("pod-slurm", "true", timeout_s=5)
    assert (done.status, done.stderr) == (127, "pod-slurm: true: no such container\n")
    assert containers.inspected("containers", "pod-slurm") is None
