"""Ports: a free one, and what answers at one."""

from __future__ import annotations

import socket

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
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
