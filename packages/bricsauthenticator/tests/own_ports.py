"""Ports that nobody else gets while what listens on them is down."""

from __future__ import annotations

import itertools
import os
import socket

FIRST, EACH, PROCESSES = 10000, 2000, 10
"""Below those that the kernel gives to clients; each process that runs tests at the same time has its own."""

_numbers = itertools.count(os.getpid() * 50)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for number in _numbers:
        port = FIRST + worker % PROCESSES * EACH + number % EACH
        with socket.socket() as listener:
            # As servers do: a connection that has just ended is no reason.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("unreachable")
