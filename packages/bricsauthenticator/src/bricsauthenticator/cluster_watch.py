"""What is known of the cluster, asked for once for all forms of a hub. Imports: cluster, commands, metrics."""

from __future__ import annotations

import asyncio
import logging
import math
import time

from bricsauthenticator import cluster, commands, metrics
from bricsauthenticator.cluster import NOTHING_KNOWN, Cluster

OLD = 60.0
"""Seconds after which Slurm is asked again, when somebody looks and also if it did not answer."""
FRESH, STALE = 300.0, 3600.0
"""Seconds for which an answer says what is free and what is refused, and what there is to choose from."""

log = logging.getLogger("JupyterHub")


class ClusterWatch:
    """Slurm's last answer. It is asked again when somebody looks who finds it too old, and never twice at a time."""

    def __init__(self) -> None:
        self._cluster = NOTHING_KNOWN
        self._known = self._asked = -math.inf
        self._question: asyncio.Task[None] | None = None

    def look(self, command: str, time_limit: float, oldest: float = FRESH) -> Cluster:
        """The cluster as far as it is known now; returns at once.

        :param command: a command line that prints what :func:`cluster.parse` takes; empty: there is none.
        :param time_limit: seconds that it may take.
        :param oldest: seconds after which an answer no longer counts.
        """
        now = time.monotonic()
        idle = self._question is None or self._question.done()
        if command and idle and now - self._asked >= OLD:
            self._asked = now
            self._question = asyncio.ensure_future(self._update(command, time_limit))
        return self._cluster if now - self._known <= oldest else NOTHING_KNOWN

    async def _update(self, command: str, time_limit: float) -> None:
        asked = time.monotonic()
        try:
            with metrics.timed("cluster"):
                environment = commands.hub_environment()
                output = await commands.run(command, stdin="", environment=environment, time_limit=time_limit)
        except (RuntimeError, OSError) as error:
            log.info("Slurm does not say what its cluster has; forms go without: %s", error)
            self._cluster = NOTHING_KNOWN
        else:
            self._cluster, self._known = cluster.parse(output), asked
