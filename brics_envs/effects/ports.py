"""Whether a port of this machine is free. May import: nothing of the project."""

from __future__ import annotations

import contextlib
import ipaddress
import socket


def taken(address: str, port: int) -> str:
    """Why a TCP port of an address cannot be listened on, in the system's words; empty if it can."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        # As podman's own port forwarding does: connections in TIME_WAIT do not keep a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def address_of(host: str) -> str:
    """The address of a host, by its name or address.

    :raises ValueError: it has none; in the system's words.
    """
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host))
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise ValueError(f"{host} has no address: {error.strerror or error}") from error
