"""Layer of jupyterhub_config.py with `up --debug`: a debugger can be attached to the hub while it runs."""

import os
import socket
import time

# Modules of Python itself have no files that breakpoints could be in, which need not be said at every start.
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"

import debugpy

ADDRESS = ("0.0.0.0", 5678)  # noqa: S104 - of the pod; published on loopback alone
FREE_S = 15.0
"""Seconds for the hub of before to let go of the port."""


def is_free() -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(ADDRESS)
        except OSError:
            return False
    return True


deadline = time.monotonic() + FREE_S
while not is_free() and time.monotonic() < deadline:
    time.sleep(0.1)
# The hub's ssh and whatever else it starts is not to be debugged.
debugpy.configure(subProcess=False)
debugpy.listen(ADDRESS)
