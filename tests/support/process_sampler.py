"""Notes the command line of every process on this machine, again and again.

The processes of containers are seen from outside, so that nothing runs in them for this. A process of its own,
so that the tests' own work does not keep it from looking. Run as a program it writes each command line once,
as one line of JSON, to the file that it is given.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from tests.support.checkout import PROJECT
from tests.support.processes import as_line, raw_command_lines
from tests.support.waiting import wait_for


class ProcessSampler:
    """Looks every ``interval_s`` seconds, while the ``with`` block lasts."""

    def __init__(self, file: Path, interval_s: float) -> None:
        self._file, self._interval_s = file, interval_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ProcessSampler:
        self._file.touch()
        program = [sys.executable, "-m", __name__, str(self._file), str(self._interval_s)]
        self._process = subprocess.Popen(program, cwd=PROJECT)
        wait_for(lambda: self._file.stat().st_size, "the sampler looks")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)

    def seen(self) -> set[str]:
        """Every command line so far, its arguments joined by spaces."""
        assert self._process is not None
        assert self._process.poll() is None, "the sampler has ended"
        lines = self._file.read_text().splitlines(keepends=True)
        return {json.loads(line) for line in lines if line.endswith("\n")}


def sample(file: str, interval_s: float) -> None:
    """Look for ever; write down what is new."""
    seen: set[bytes] = set()
    with Path(file).open("a", buffering=1) as out:
        while True:
            new = raw_command_lines() - seen
            seen |= new
            out.writelines(json.dumps(as_line(raw)) + "\n" for raw in sorted(new))
            time.sleep(interval_s)


if __name__ == "__main__":
    sample(sys.argv[1], float(sys.argv[2]))
