"""Ports: a free one, and what answers at one."""

from __future__ import annotations

import contextlib
import random
import socket

OWN_PORTS = range(20000, 32000)
"""Below those that Linux gives to connections."""

_given: set[int] = set()

OWN_ADDRESS = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("192.0.2.1", 9))
print(s.getsockname()[0])
"""
"""A program that prints the address of its pod, as the pod's processes see it."""


def answers(address: str, port: int) -> bool:
    """Whether something accepts a connection from this machine."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((address, port)) == 0


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, another each time; no connection gets it as its own."""
    while True:
        port = random.choice(OWN_PORTS)  # noqa: S311
        if port not in _given:
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                _given.add(port)
                return port
