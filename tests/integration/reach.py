"""What can be reached from this machine."""

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
