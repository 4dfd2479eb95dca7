"""``JobServer``: the hub's notion of a server that a job runs. Imports nothing of this package."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

from jupyterhub.objects import Server

PATIENCE = 5.0
"""Seconds that a restarted hub waits for the answer of a server that it finds. It cannot be stopped meanwhile."""

log = logging.getLogger("JupyterHub")


class JobServer(Server):  # type: ignore[misc]
    """A server that goes on for as long as its job.

    A hub that starts waits for the servers of its database, and stops those that do not answer in time. Whether a
    server is there is for Slurm to say: the job may be suspended, or its node's network away for a while.
    """

    async def wait_up(self, timeout: float = 10, http: bool = False, **options: Any) -> Any:
        """Wait for an answer; without one the server counts as up all the same. Raises nothing for a time-out."""
        try:
            # A suspended process still accepts connections: then the time-out of JupyterHub's own does not come.
            async with asyncio.timeout(PATIENCE):
                return await super().wait_up(timeout=timeout, http=http, **options)
        except TimeoutError:
            log.warning("The server at %s does not answer. It stays, as its job does.", self.url)
            return SimpleNamespace(headers={})
