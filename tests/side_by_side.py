"""Run the live tests as two halves side by side: for most of their time they wait.

``python -m tests.side_by_side ARGS`` hands ARGS to pytest. The second half runs apart from the first; what it prints
is shown when the first has ended. Where that cannot be, all tests run one after the other.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.apart import obstacle

ALL = "tests/integration"
FIRST = tuple(f"{ALL}/{folder}" for folder in ("faults", "jobs", "lifecycle"))
SECOND = (ALL, *(f"--ignore={folder}" for folder in FIRST))
"""About half of the time; what is new runs here, unless it is in a folder of the first."""


def in_one() -> str:
    """Why the tests run one after the other; empty if they need not."""
    chosen = [name for name in os.environ if name.startswith("BRICS_TEST_")]
    return f"{', '.join(chosen)} is set" if chosen else obstacle()


def pytest(*args: str) -> list[str]:
    """The command for pytest, with this Python."""
    return [sys.executable, "-m", "pytest", *args]


@dataclass(frozen=True)
class Half:
    """A half that runs; what it prints goes to ``log``."""

    process: subprocess.Popen[bytes]
    log: Path

    def show(self) -> None:
        """Show what it prints, from the beginning until it has ended."""
        ended = False
        with self.log.open("rb") as written:
            while not ended:
                ended = self.process.poll() is not None
                shutil.copyfileobj(written, sys.stdout.buffer)
                sys.stdout.buffer.flush()
                time.sleep(0 if ended else 0.5)

    def summary(self) -> list[str]:
        """The lines of pytest's summary: what failed, and with ``CI`` set also why."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [*itertools.dropwhile(lambda line: "short test summary info" not in line, lines)]


def start(command: Sequence[str], log: Path) -> Half:
    """Start a half, in a session of its own: Ctrl-C at a terminal reaches it once, from here."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    return Half(process, log)


def run_halves(args: Sequence[str], directory: Path) -> list[Half]:
    """Run both halves to their end."""
    halves = [
        start(pytest(*FIRST, *args), directory / "first"),
        start([sys.executable, "-m", "tests.support.apart", *pytest(*SECOND, *args)], directory / "second"),
    ]
    print(f"two halves side by side; meanwhile the second's output is in {halves[1].log}", flush=True)
    try:
        for half in halves:
            half.show()
    except KeyboardInterrupt:
        for half in halves:
            half.process.send_signal(signal.SIGINT)
        for half in halves:
            half.show()
        raise
    return halves


def main(args: Sequence[str]) -> int:
    """Run all live tests; returns 0 if all have passed."""
    if reason := in_one():
        print(f"one test after the other: {reason}", flush=True)
        return subprocess.call(pytest(ALL, *args))
    # The halves, in sessions of their own, would go on; and what runs in the background may ignore SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="brics-live-tests.") as directory:
        halves = run_halves(args, Path(directory))
        for place, half in enumerate(halves, 1):
            print(f"half {place}: exit status {half.process.returncode}", *half.summary(), sep="\n")
    return int(any(half.process.returncode for half in halves))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
