"""How a package's own tests are run in the container where it lives. Pure. May import: nothing of the project."""

from __future__ import annotations

from collections.abc import Sequence

PYTHONS = {
    "bricsauthenticator": "python3",
    "slurmspawner_wrappers": "/opt/slurmspawner_wrappers/bin/python",
}
"""Dev repository → the Python that has it installed."""

PROBLEMS = {
    "bricsauthenticator": "/usr/local/share/brics/dev-extra.problem",
    "slurmspawner_wrappers": "/opt/slurmspawner_wrappers/dev-extra.problem",
}
"""Dev repository → the file that says why its extra `dev` could not be installed, if it could not."""

PROGRAM = """
import os, signal, subprocess, sys, threading

tests = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

def end_with_input():
    while os.read(0, 4096):
        pass
    os.killpg(tests.pid, signal.SIGINT)

threading.Thread(target=end_with_input, daemon=True).start()
status = tests.wait()
sys.stdout.flush()
os._exit(status if status >= 0 else 128 - status)
"""
"""Runs a command until its own input ends: podman leaves what it started in a container when it is stopped itself."""

ENVIRONMENT = {
    # The place of the source is read-only, and whoever mounts a directory there wants nothing written to it.
    "PYTHONDONTWRITEBYTECODE": "1",
    "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis",  # noqa: S108 - in the container
}


def command(name: str, arguments: Sequence[str], *, colours: bool) -> list[str]:
    """What runs pytest on a package's source, in the directory where that is.

    :param name: the dev repository.
    :param arguments: for pytest.
    """
    python = PYTHONS[name]
    return [
        *(python, "-c", PROGRAM),
        *(python, "-m", "pytest", "-p", "no:cacheprovider"),
        *(["--color=yes"] if colours else []),
        *arguments,
    ]
