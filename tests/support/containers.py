"""Containers that are down for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for


@contextmanager
def container_down(running: RunningInstance, name: str) -> Iterator[None]:
    """Keep a container down while the ``with`` block lasts."""
    running.container(name).stop(timeout=5)
    try:
        yield
    finally:
        running.container(name).start()
        wait_for(running.hub_answers, "JupyterHub answers again")
