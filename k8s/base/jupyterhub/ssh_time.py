"""Metrics of SSH to the Slurm host, how long it takes and how often it fails: by a command that does nothing."""

import asyncio
import contextlib
import time

from prometheus_client import Counter, Histogram

FIRST_S, EVERY_S = 10, 60
"""Seconds to the first try, and between two."""

DURATION = Histogram(
    "brics_ssh_duration_seconds",
    "Time that a command which does nothing takes over SSH",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
FAILURES = Counter("brics_ssh_failures", "Commands that do nothing, and failed over SSH")

_tasks: set[asyncio.Task[None]] = set()


def measure(command: str) -> None:
    """Begin to measure, if a hub runs; other commands than the hub itself read its configuration too.

    :param command: a shell's command line, with a time limit of its own.
    """
    with contextlib.suppress(RuntimeError):
        _tasks.add(asyncio.get_running_loop().create_task(_measure(command)))


async def _measure(command: str) -> None:
    await asyncio.sleep(FIRST_S)
    while True:
        began = time.monotonic()
        try:
            null = asyncio.subprocess.DEVNULL
            process = await asyncio.create_subprocess_shell(command, stdin=null, stdout=null, stderr=null)
            failed = await process.wait() != 0
        except OSError:
            failed = True
        if failed:
            FAILURES.inc()
        else:
            DURATION.observe(time.monotonic() - began)
        await asyncio.sleep(EVERY_S)
