"""Starts that were given up, whose jobs may exist all the same: looked for and cancelled until they are gone.

A start that is cancelled, or whose submission has had no clear answer, leaves its mark here, and so does a job that
could not be cancelled. They are part of the spawners' states in the hub's database, so that a restarted hub goes on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from sqlalchemy.exc import SQLAlchemyError

KEY = "leftovers"
"""Of a spawner's state."""

KEPT_WITHOUT_JOB = 900.0
"""Seconds for which a job is looked for: sbatch tries for minutes while the controller is busy. A job that comes later
still ends, when the hub refuses its launcher's report."""

KEPT_WITH_JOB = 7 * 86400.0
"""Seconds for which a job's cancellation is tried: longer than jobs run."""

HUB_START_S = 3600.0
HUB_POLL_S = 0.5

log = logging.getLogger("JupyterHub")


@dataclass(frozen=True)
class Leftover:
    """A start that was given up.

    :param username: the account that its job belongs to.
    :param job_id: empty as long as it is not known whether there is a job.
    :param since: when it was given up, seconds since the epoch.
    """

    mark: str
    username: str
    job_id: str = ""
    since: float = 0.0

    @property
    def is_old(self) -> bool:
        """Whether it is time to forget it."""
        return time.time() - self.since > (KEPT_WITH_JOB if self.job_id else KEPT_WITHOUT_JOB)

    @property
    def pause(self) -> float:
        """Seconds until the next look: short at first, never more than a minute."""
        return min(max((time.time() - self.since) / 20, 1.0), 60.0)


class Owner(Protocol):
    """What belongs to a leftover: a spawner, for its commands."""

    orm_spawner: Any

    async def settle(self, leftover: Leftover) -> Leftover | None:
        """Cancel its job, if there is one; None once that is certainly gone."""


class Leftovers:
    """Those of all of the hub's servers."""

    def __init__(self) -> None:
        self._items: dict[str, tuple[Leftover, Owner]] = {}
        self._settled: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def add(self, leftover: Leftover, owner: Owner) -> None:
        """Look for its job, and cancel it, from now on."""
        if leftover.mark not in self._settled:
            self._items[leftover.mark] = (leftover, owner)
        if leftover.mark in self._items and leftover.mark not in self._tasks:
            self._tasks[leftover.mark] = asyncio.ensure_future(self._settle(leftover.mark))

    def load(self, state: dict[str, Any], owner: Owner) -> None:
        """Add those of a stored state; what has another form is left out."""
        for entry in state.get(KEY) or []:
            try:
                self.add(Leftover(**entry), owner)
            except TypeError:
                log.error("Not a leftover in the state of a server: %r", entry)

    def stored(self, orm_spawner: Any) -> list[dict[str, Any]]:
        """Those of one server, for its state."""
        return [asdict(item) for item, owner in self._items.values() if owner.orm_spawner is orm_spawner]

    def __contains__(self, mark: str) -> bool:
        return mark in self._items

    async def _settle(self, mark: str) -> None:
        """Look until the job is gone or it is time to forget it."""
        while mark in self._items:
            leftover, owner = self._items[mark]
            try:
                remaining = await owner.settle(leftover)
            except (RuntimeError, OSError) as error:
                log.debug("The start %s of %s is not settled: %s", mark, leftover.username, error)
                remaining = leftover
            if remaining is not None and remaining.is_old:
                log.warning("Gave up looking for a job of %s with the mark %s", leftover.username, mark)
                remaining = None
            if remaining is None:
                self._settled.add(mark)
                del self._items[mark]
            else:
                self._items[mark] = (remaining, owner)
            if remaining != leftover:
                self._store(owner.orm_spawner)
            if remaining is not None:
                await asyncio.sleep(remaining.pause)
        del self._tasks[mark]

    def _store(self, orm_spawner: Any) -> None:
        """Bring the server's state in the database up to date."""
        database = JupyterHub.instance().db
        try:
            orm_spawner.state = {**(orm_spawner.state or {}), KEY: self.stored(orm_spawner)}
            database.commit()
        except SQLAlchemyError as error:  # the server, or its user, has been removed
            log.warning("Leftovers of a server are not stored: %s", error)
            database.rollback()


LEFTOVERS = Leftovers()


def given_up(mark: str, username: str, job_id: str = "") -> Leftover:
    """A leftover of now. A job that has no mark, of an older version, is known by its ID."""
    return Leftover(mark or f"job {job_id}", username, job_id, time.time())


def found(leftover: Leftover, job_id: str) -> Leftover:
    """The leftover with its job."""
    return replace(leftover, job_id=job_id)


async def resume() -> None:
    """Load what the database has. JupyterHub itself loads the spawners of running servers alone."""
    app = JupyterHub.instance()
    stopped: Iterable[Any] = app.db.query(orm.Spawner).filter(orm.Spawner.server == None)  # noqa: E711
    for orm_spawner in [each for each in stopped if (each.state or {}).get(KEY)]:
        app.users[orm_spawner.user].spawners[orm_spawner.name]


def register() -> None:
    """Have :func:`resume` run once the hub is up.

    JupyterHub has no hook for that, and an installed package's entry points make it import this before it has an event
    loop: a thread waits.
    """
    threading.Thread(target=_await_hub, name="leftovers", daemon=True).start()


def _await_hub() -> None:
    """Wait until a hub listens in this process, for an hour at most: what is none never does."""
    deadline = time.monotonic() + HUB_START_S
    while time.monotonic() < deadline:
        if JupyterHub.initialized() and (app := JupyterHub.instance()).http_server:
            app.io_loop.add_callback(resume)
            return
        time.sleep(HUB_POLL_S)
