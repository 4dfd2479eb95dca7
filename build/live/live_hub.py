"""Process 1 of the hub's container where the authenticator's and spawner's package is mounted from a directory.

    live_hub.py ARGS…      runs `jupyterhub ARGS…`
    live_hub.py --reload   in the same container: puts a hub with the present code in its place, or says why not

A new hub imports the package while the old one goes on; only one that has it is let go on, when the old one has ended.
So code that does not import changes nothing but a message, in the container's output and in the file PROBLEM. What does
not change (JupyterHub itself) is imported once: each hub is a copy (fork) of this process.
"""

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from typing import NoReturn

SOCKET = "/tmp/brics-live.sock"  # noqa: S108 - the container's own /tmp
PROBLEM = Path("/tmp/brics-live.problem")  # noqa: S108
GROUPS = ("jupyterhub.authenticators", "jupyterhub.spawners")
IMPORT_S = 60
"""Seconds that the package may take to be imported."""

STOP_S = 8
"""Seconds that a hub gets to end by itself."""

GOOD = "ok"

SOURCE = "/opt/src/"

STAYS = (
    "alembic.command",
    "batchspawner",
    "jupyterhub.app",
    "jupyterhub.dbutil",
    "jupyterhub.handlers",
    "jupyterhub.proxy",
    "sqlalchemy.dialects.sqlite",
)
"""Modules that a change of the package does not change."""


def reload() -> NoReturn:
    """Ask process 1; exit status 0 if the current code is live, 1 if it is not, 2 if it does not answer."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(IMPORT_S + STOP_S + 10)
        try:
            asked.connect(SOCKET)
            answer = b"".join(iter(lambda: asked.recv(65536), b"")).decode()
        except OSError as error:
            print(f"process 1 does not answer: {error}")
            sys.exit(2)
    print(answer)
    sys.exit(answer != GOOD)


class Supervisor:
    """Runs a hub, and replaces it when asked."""

    def __init__(self, args: list[str]) -> None:
        self.args = args
        self.hub: int | None = None
        self.signal: int | None = None
        self.told: int | None = None
        self.reader, self.writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        Path(SOCKET).unlink(missing_ok=True)
        os.umask(0o077)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(SOCKET)
        self.listener.listen()
        os.umask(0o022)

    def stop(self, number: int, _frame: object) -> None:
        """Note a signal, for the hub, whose end ends this process."""
        self.signal = number

    def run(self) -> None:
        """Run hubs until one ends by itself, or this process is told to end."""
        self.replace()
        while self.signal is None or self.hub:
            if self.hub and self.signal and self.told != self.hub:
                os.kill(self.hub, self.signal)
                self.told = self.hub
            sources: list[socket.socket | int] = [self.listener, self.reader]
            ready, _, _ = select.select(sources, [], [])
            if self.reader in ready:
                os.read(self.reader, 4096)
                self.reap()
            if self.listener in ready:
                client, _ = self.listener.accept()
                with client, contextlib.suppress(OSError):
                    client.settimeout(5)
                    client.sendall(self.replace(client).encode())

    def reap(self) -> None:
        """Take note of ended processes; ssh leaves some to process 1."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self.hub:
                    sys.exit(os.waitstatus_to_exitcode(ended[1]) % 256)

    def replace(self, client: socket.socket | None = None) -> str:
        """Put a hub with the present code in the place of the one that runs; what is wrong, or :data:`GOOD`.

        :param client: the connection of who asks, which the hub is not to keep open.
        """
        result, tell = os.pipe2(os.O_CLOEXEC)
        wait, go = os.pipe2(os.O_CLOEXEC)
        sys.stdout.flush()
        sys.stderr.flush()
        candidate = os.fork()
        if candidate == 0:
            signal.set_wakeup_fd(-1)
            os.close(result)
            os.close(go)
            for ours in (self.reader, self.writer):
                os.close(ours)
            self.listener.close()
            if client:
                client.close()
            self.become_hub(tell, wait)
        os.close(tell)
        os.close(wait)
        answer = read_all(result, time.monotonic() + IMPORT_S)
        if answer == GOOD:
            self.end_hub()
            self.hub = candidate
            with contextlib.suppress(OSError):
                os.write(go, b"go")
            PROBLEM.unlink(missing_ok=True)
        else:
            os.kill(candidate, signal.SIGKILL)
            os.waitpid(candidate, 0)
            new = PROBLEM.with_suffix(".new")
            new.write_text(answer)
            new.rename(PROBLEM)
            print(f"{answer}\nbricsauthenticator does not import", file=sys.stderr, flush=True)
        os.close(go)
        return answer

    def end_hub(self) -> None:
        """End the hub that runs."""
        if not self.hub:
            return
        old, self.hub = self.hub, None
        deadline = time.monotonic() + STOP_S
        os.kill(old, signal.SIGTERM)
        while os.waitpid(old, os.WNOHANG)[0] == 0:
            if time.monotonic() > deadline:
                os.kill(old, signal.SIGKILL)
            time.sleep(0.01)

    def become_hub(self, tell: int, wait: int) -> NoReturn:
        """In a new process: import the package, say so, and be the hub when told to. Does not return."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        try:
            load_package()
        except BaseException as error:
            answer = words(error)
        else:
            answer = GOOD
        os.write(tell, answer.encode()[-60000:])
        os.close(tell)
        if not os.read(wait, 2):
            os._exit(1)
        os.close(wait)
        from jupyterhub.app import main

        sys.argv = ["jupyterhub", *self.args]
        sys.exit(main())


def load_package() -> None:
    """Import what JupyterHub will take from the package."""
    importlib.invalidate_caches()
    found = [entry for group in GROUPS for entry in entry_points(group=group, name="brics")]
    if not found:
        raise ImportError("no entry points `brics`")
    for entry in found:
        entry.load()


def words(error: BaseException) -> str:
    """An error with the lines of the package that led to it."""
    told = traceback.TracebackException.from_exception(error)
    lines = [line for line in told.stack if line.filename.startswith(SOURCE)]
    told.stack = traceback.StackSummary.from_list(lines)
    return "".join(told.format()).removeprefix("Traceback (most recent call last):\n").strip()


def read_all(descriptor: int, deadline: float) -> str:
    """All that comes, as text, until the other end is closed or time is up."""
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
        part = os.read(descriptor, 65536) if ready else b""
        if not part:
            break
        parts.append(part)
    os.close(descriptor)
    return (
        b"".join(parts).decode(errors="replace") or f"not imported within {IMPORT_S} s, or the process ended"
    )


def import_what_stays() -> None:
    """JupyterHub, and what it would import later, without anything of the package."""
    for module in STAYS:
        importlib.import_module(module)
    gc.freeze()


if __name__ == "__main__":
    if sys.argv[1:] == ["--reload"]:
        reload()
    import_what_stays()
    Supervisor(sys.argv[1:]).run()
