"""Lets a notebook server know what use of it is. Runs in the job's Jupyter server, as a file of its configuration.

It is read when the server's programs are imported: a file beside it, ``imported``, tells the launcher.

The server tells the hub when it was last used. Left to itself it knows nothing of a cell that computes and prints
nothing, or of a program in a terminal; and it takes every request for use, those of a page that is merely open too.
Needs Python 3.8 and whatever jupyter_server there is: where something is missing, that part is left out.
"""

# pathlib is slow to import.
# ruff: noqa: PTH100, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from datetime import datetime, timezone

THREAD = "jupyterhub-server-activity"
SETTING = "jupyterhub_job_last_activity"
"""jupyter_server counts every setting with such an end."""


def main() -> None:
    """Begin to watch, once. What the server starts does not get this configuration."""
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.environ.get("JUPYTER_CONFIG_PATH", "").split(os.pathsep)
    if rest := os.pathsep.join(part for part in path if part and part != here):
        os.environ["JUPYTER_CONFIG_PATH"] = rest
    else:
        os.environ.pop("JUPYTER_CONFIG_PATH", None)
    with suppress(OSError), open(os.path.join(here, "imported"), "x"):
        pass
    if not any(thread.name == THREAD for thread in threading.enumerate()):
        threading.Thread(target=watch, name=THREAD, daemon=True).start()


def watch() -> None:
    """Note, for as long as the server lives, when something computes."""
    interval = max(1.0, min(30.0, float(os.environ.get("JUPYTERHUB_ACTIVITY_INTERVAL") or 300) / 3))
    from jupyter_server.serverapp import ServerApp

    with suppress(Exception):
        ignore_reading()
    while True:
        time.sleep(interval)
        # A list that changes while it is read, or another version's ways: the next time is soon.
        with suppress(Exception):
            app = ServerApp.instance() if ServerApp.initialized() else None
            if app is not None and (kernel_computes(app) or terminal_computes(app)):
                now = datetime.now(timezone.utc)  # noqa: UP017 - Python 3.8
                app.io_loop.add_callback(app.web_app.settings.__setitem__, SETTING, now)


def ignore_reading() -> None:
    """Let requests count that do something. Open pages ask for kernels, terminals and files every few seconds."""
    from jupyter_server.base.handlers import APIHandler

    update = APIHandler.update_api_activity

    def update_unless_reading(handler):  # type: ignore[no-untyped-def]
        if handler.request.method not in ("GET", "HEAD", "OPTIONS"):
            update(handler)

    APIHandler.update_api_activity = update_unless_reading


def kernel_computes(app) -> bool:  # type: ignore[no-untyped-def]
    """Whether a kernel is busy, with a cell that prints nothing too."""
    manager = app.kernel_manager
    kernels = (manager.get_kernel(kernel) for kernel in list(manager.list_kernel_ids()))
    return any(getattr(kernel, "execution_state", "") == "busy" for kernel in kernels)


def terminal_computes(app) -> bool:  # type: ignore[no-untyped-def]
    """Whether the shell of a terminal waits for a program."""
    manager = app.web_app.settings.get("terminal_manager")
    shells = [terminal.ptyproc for terminal in list(getattr(manager, "terminals", {}).values())]
    return any(os.tcgetpgrp(shell.fd) != os.getpgid(shell.pid) for shell in shells)


main()
