"""A command that is going on: wait for what it says or starts, interrupt it, and see what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping

from tests.support.processes import command_line, descendants
from tests.support.waiting import wait_for
from tests.support.world import World

STOP_DEADLINE_S = 15
"""Seconds within which a command ends at Ctrl-C, whatever it does."""


class Started:
    """``invoke ARGS`` in a world; it does not outlive its ``with`` block."""

    def __init__(self, world: World, *args: str, environment: Mapping[str, str] | None = None) -> None:
        self._lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "invoke", *args],
            cwd=world.root,
            env={**world.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(STOP_DEADLINE_S)

    @property
    def output(self) -> str:
        """What it has said so far, on standard output and standard error."""
        return "\n".join(self._lines)

    def wait_for_line(self, words: str) -> None:
        """Wait until it has said so."""
        self._wait(lambda: words in self.output, words)

    def wait_for_process(self, *words: str) -> None:
        """Wait until a process that it started has these words on its command line."""
        self._wait(
            lambda: any(all(word in line for word in words) for _, line in descendants(self._process.pid)),
            f"a process with {' '.join(words)}",
        )

    def interrupt(self) -> int:
        """Send SIGINT as a terminal does, to the command itself; its exit status.

        :raises AssertionError: a process that it had started goes on.
        """
        started = {pid: line for pid, line in descendants(self._process.pid) if not is_monitor(pid)}
        self._process.send_signal(signal.SIGINT)
        status = self._process.wait(STOP_DEADLINE_S)
        self._reader.join(10)
        left = [line for pid, line in started.items() if command_line(pid) == line]
        assert not left, f"still running: {left}"
        return status

    def _wait(self, probe: Callable[[], bool], what: str) -> None:
        def arrived() -> bool:
            # In this order, and each once: the last line may come with the end, and a process lives for a moment only.
            has_ended = self._process.poll() is not None
            if has_ended:
                self._reader.join(10)
            found = probe()
            assert found or not has_ended, f"ended before {what}:\n{self.output}"
            return found

        wait_for(arrived, what, deadline_s=300, interval_s=0.005)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.rstrip("\n"))


def is_monitor(pid: int) -> bool:
    """Whether it is what podman leaves beside each container."""
    return os.path.basename(command_line(pid).split(" ")[0]) in ("conmon", "catatonit")  # noqa: PTH119
