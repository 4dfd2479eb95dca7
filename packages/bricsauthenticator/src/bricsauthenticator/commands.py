"""Runs a command line of the batch system, with a time limit. Imports nothing of this package."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from functools import cache

HUB_SECRETS = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_")
"""Prefixes of the hub's own environment variables that no command run for a user may see."""

MAX_ERROR = 500
"""Most characters of a command's error output that go into a message."""


class CommandError(RuntimeError):
    """A command failed or took too long."""

    def __init__(self, reason: str, stderr: str = "", status: int | None = None) -> None:
        """
        :param reason: such as the exit status.
        :param stderr: the command's error output.
        :param status: its exit status; None: it took too long.
        """
        super().__init__(f"{reason}: {stderr[-MAX_ERROR:]}" if stderr else reason)
        self.stderr, self.status = stderr, status


@cache
def _one_at_a_time(_: asyncio.AbstractEventLoop) -> asyncio.Lock:
    """The event loop waits while a process is made: between two of a crowd it does other things."""
    return asyncio.Lock()


async def run(command: str, *, stdin: str, environment: Mapping[str, str], time_limit: float) -> str:
    """The output of a command line that the shell runs, without spaces around.

    :param environment: all of its environment.
    :param time_limit: seconds; then the command and all that it has started are killed.
    :raises CommandError: it failed or took too long.
    """
    async with _one_at_a_time(asyncio.get_running_loop()):
        process = await asyncio.create_subprocess_shell(
            command,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(time_limit):
            stdout, stderr = await process.communicate(stdin.encode())
    except TimeoutError:
        raise CommandError(f"no answer in {time_limit:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        error = stderr.decode(errors="replace").strip()
        raise CommandError(f"exit status {process.returncode}", error, process.returncode)
    return stdout.decode(errors="replace").strip()


def hub_environment() -> dict[str, str]:
    """The hub's environment without its secrets."""
    return {name: value for name, value in os.environ.items() if not name.startswith(HUB_SECRETS)}
