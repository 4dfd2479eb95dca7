"""The hub's notion of a server that a job runs. Imports nothing of this package."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from jupyterhub.objects import Server

PATIENCE = 5.0
"""Seconds that a restarted hub waits for the answer of a server that it finds. It cannot be stopped meanwhile."""

ANSWER_S = 3.0
"""Seconds in which a server takes a connection if it is there."""

log = logging.getLogger("JupyterHub")


async def takes_connections(server: Server | None) -> bool:
    """Whether something takes connections where the server is."""
    if not server or not server.port:
        return False
    try:
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(server.ip, server.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


class JobServer(Server):  # type: ignore[misc]
    """A server that goes on for as long as its job.

    A hub that starts waits for the servers of its database, and stops those that do not answer in time. Whether a
    server is there is for Slurm to say: the job may be suspended, or its node's network away for a while.
    """

    job_is_there: Callable[[], Awaitable[bool]]
    """Asks Slurm; also true if that says nothing."""

    async def wait_up(self, timeout: float = 10, http: bool = False, **options: Any) -> Any:
        """Wait for an answer; without one the server counts as up if its job is there.

        :raises TimeoutError: it is not: it ended while there was no hub, or when Slurm's nodes started anew.
        """
        try:
            # A suspended process still accepts connections: then the time-out of JupyterHub's own does not come.
            async with asyncio.timeout(PATIENCE):
                return await super().wait_up(timeout=timeout, http=http, **options)
        except TimeoutError:
            if not await self.job_is_there():
                raise
            log.warning("The server at %s does not answer. It stays, as its job does.", self.url)
            return SimpleNamespace(headers={})
