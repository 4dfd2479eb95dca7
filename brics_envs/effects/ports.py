"""Whether a port of 127.0.0.1 is free. May import: nothing of the project."""

from __future__ import annotations

import socket


def taken(port: int) -> str:
    """Why a TCP port of 127.0.0.1 cannot be listened on, in the system's words; empty if it can."""
    with socket.socket() as probe:
        # As podman's own port forwarding does: connections in TIME_WAIT do not keep a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.strerror or str(error)
    return ""
