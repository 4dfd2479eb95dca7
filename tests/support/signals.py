"""Signals at random moments to a command that is going on, and what it must not leave behind."""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import command_line
from tests.support.waiting import wait_for
from tests.support.world import World

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

END_S = 15.0
"""Seconds within which a command ends after a signal."""

SLOW_S = 5.0
"""An end after more seconds than this is worth a look."""

GIVE_UP_S = 90.0

POD_PROGRAMS = frozenset(["conmon", "aardvark-dns", "catatonit"])
"""What podman leaves beside a pod on purpose."""

CLEANUP = " container cleanup "

SECRET = "quite-secret"  # noqa: S105 - looked for in what is left
PIP_CONF = f"[global]\nextra-index-url = https://user:{SECRET}@packages.example.org/simple\n"


@dataclass
class Ends:
    """How commands ended: seconds from the first signal to the end, by exit status."""

    seconds: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        counts = {status: self.statuses.count(status) for status in sorted(set(self.statuses))}
        if not self.seconds:
            return f"statuses {counts}"
        ordered = sorted(self.seconds)
        ninety = ordered[int(0.9 * (len(ordered) - 1))]
        return (
            f"{len(ordered)} ended after a signal: median {statistics.median(ordered):.2f} s, nine of ten within "
            f"{ninety:.2f} s, longest {ordered[-1]:.2f} s; statuses {counts}"
        )


class Interrupter:
    """Starts one command again and again in a world, with a folder for temporary files and a mark of its own."""

    def __init__(self, world: World, argv: Sequence[str], seed: int) -> None:
        self.mark = f"BRICS_TEST_MARK={uuid.uuid4()}"
        self.temporary = Path(world.environment["TMPDIR"]) / "interrupted"
        self.temporary.mkdir()
        pip_conf = self.temporary.with_name("pip.conf")
        pip_conf.write_text(PIP_CONF)
        name, _, value = self.mark.partition("=")
        self.environment: Mapping[str, str] = {
            **world.environment,
            name: value,
            "TMPDIR": str(self.temporary),
            "PIP_CONFIG_FILE": str(pip_conf),
        }
        self.ends = Ends()
        self.random = random.Random(seed)  # noqa: S311
        self.whole_s = 0.0
        self._world = world
        self._argv = argv

    def run(self) -> float:
        """Run the command to its end; the seconds that it took, within which signals are sent from now on."""
        began = time.monotonic()
        done = subprocess.run(
            self._argv,
            cwd=self._world.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, f"exit status {done.returncode}:\n{done.stdout}{done.stderr}"
        self.whole_s = time.monotonic() - began
        return self.whole_s

    def interrupt(self) -> None:
        """Start the command, send it signals from a random moment on, and look at what is left."""
        delay = self.random.uniform(0, self.whole_s)
        numbers = self.random.choices(SIGNALS, k=self.random.choice([1, 1, 2, 3]))
        pauses = [self.random.uniform(0, 1.5) for _ in numbers[1:]]
        with tempfile.TemporaryFile(mode="w+") as output:
            process = subprocess.Popen(
                self._argv,
                cwd=self._world.root,
                env=self.environment,
                stdout=output,
                stderr=output,
                preexec_fn=hear_signals,
            )
            time.sleep(delay)
            running = process.poll() is None
            began = time.monotonic()
            process.send_signal(numbers[0])
            for number, pause in zip(numbers[1:], pauses, strict=True):
                with_pause(process, pause)
                process.send_signal(number)
            slow_with = self._processes() if with_pause(process, SLOW_S) else []
            status = wait(process)
            seconds = time.monotonic() - began
            output.seek(0)
            said = output.read() + "\n".join(["", "after 5 s:", *slow_with] if slow_with else [])
        self.ends.statuses.append(status)
        if running:
            self.ends.seconds.append(seconds)
        else:
            self.whole_s *= 0.9  # it takes less than the last time
        self._check(f"{[n.name for n in numbers]} after {delay:.3f} s", numbers[0], status, seconds, said)

    def _check(self, what: str, number: signal.Signals, status: int, seconds: float, said: str) -> None:
        told = f"{what}: status {status} after {seconds:.2f} s\n{said}"
        if seconds > SLOW_S:
            print(told)
        assert seconds < END_S, told
        # A negative one: Python had not read our code yet.
        if not before_our_code(number, status, said):
            assert status in (0, 128 + number), told
            assert "Traceback" not in said, told
        left = self.left()
        assert not left, f"{told}\nleft: {left}"

    def left(self) -> list[str]:
        """Processes, working containers, temporary files and half-made things."""
        # A container's monitor, which belongs to the pod, starts it when the container ends.
        wait_for(lambda: not self._processes(CLEANUP), "the end of podman's own clearing up")
        root = self._world.root
        parts = [
            *root.glob("_dev_build_data/.*.part-*"),
            *root.glob("_build/*/.*"),
            *root.glob("_build/*/context/.*"),
        ]
        listed = self._world.podman(
            "ps", "--all", "--external", "--format={{.Names}} {{.Command}}"
        ).splitlines()
        return [
            *self._processes(),
            *(str(path) for path in self.temporary.rglob("*")),
            *map(str, parts),
            *(line for line in listed if line.endswith(" buildah")),
        ]

    def _processes(self, *words: str) -> list[str]:
        """Its processes with these words on their command lines."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
            try:
                environ = Path(f"/proc/{pid}/environ").read_bytes()
                name = Path(f"/proc/{pid}/comm").read_text().strip()
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if self.mark.encode() in environ.split(b"\0") and name not in POD_PROGRAMS:
                found.append(f"{pid} {state} {name}: {command_line(pid)}")
        return [line for line in found if all(word in line for word in words)]


def before_our_code(number: int, status: int, said: str) -> bool:
    """Whether a signal ended Python before that had read a line of ours, or bootstrap's for Ctrl-C."""
    in_python = number == signal.SIGINT and status == 1 and "init_import_site" in said
    return status == -number or in_python


def hear_signals() -> None:
    """Also where the tests run in the background, or under nohup."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def wait(process: subprocess.Popen[bytes]) -> int:
    """Its exit status; one that hangs is killed, and its status is that of being killed."""
    try:
        return process.wait(GIVE_UP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def with_pause(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait, unless it ends before; whether it still goes on."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False
