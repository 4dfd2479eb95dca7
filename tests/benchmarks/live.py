"""Compare what an edit costs live with what it costs as a rebuild, in one run.

    .venv/bin/python -m tests.benchmarks.live [INSTANCE PORT [ROUNDS]]

Prints the seconds from saving a package's module to a healthy hub that runs it, what saving a wrapper script adds to
its next call, and the seconds from saving to ready with a rebuilt image. Uses the instance `bench` and port 8070 unless
told otherwise, and takes it down.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from brics_envs.effects.podman import environment
from brics_envs.lifecycle.ready import page_missing
from brics_envs.plan.names import Instance, parse_instance
from tests.support.checkout import PROJECT
from tests.support.started_command import Started
from tests.support.world import World

NAMES = ("bricsauthenticator", "slurmspawner_wrappers")
WRAPPER = "/opt/slurmspawner_wrappers/bin/slurmspawner_squeue"


class Bench:
    """An instance with both packages given from a directory."""

    def __init__(self, instance: Instance, port: int, packages: Path) -> None:
        self.instance, self.port, self.packages = instance, port, packages
        self.url = f"http://127.0.0.1:{port}/jupyter/hub/health"
        self.options = ("--env", "dev_dummyauth", "--instance", instance.name, "--port", str(port))
        self.repos = tuple(f"--repo={name}={packages / name}" for name in NAMES)

    def invoke(self, *args: str) -> None:
        """Run a command of ours."""
        subprocess.run(
            [sys.executable, "-m", "invoke", *args],
            check=True,
            cwd=PROJECT,
            capture_output=True,
            timeout=1800,
        )

    def run(self, container: str, *command: str) -> str:
        """What a command says in a container."""
        done = subprocess.run(
            ["podman", "exec", self.instance.container(container), *command],
            env={**os.environ, **environment()},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout + done.stderr

    def edit(self, name: str, module: str, mark: str) -> float:
        """Save a module that says a word; the time."""
        file = self.packages / name / "src" / name / module
        text = re.sub(r"\nimport sys; print\('mark-.*", "", file.read_text())
        file.write_text(f"{text}\nimport sys; print('{mark}', file=sys.stderr, flush=True)\n")
        return time.monotonic()

    def hub_seconds(self, mark: str) -> float:
        """Seconds from saving a module of the hub's package to a healthy hub that runs it."""
        began = self.edit(NAMES[0], "spawner.py", mark)
        while mark not in self.log():
            time.sleep(0.02)
        while page_missing(self.url, {}):
            time.sleep(0.02)
        return time.monotonic() - began

    def log(self) -> str:
        """The last lines of the hub's output."""
        done = subprocess.run(
            ["podman", "logs", "--tail", "60", self.instance.container("jupyterhub")],
            env={**os.environ, **environment()},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout + done.stderr

    def wrapper_seconds(self, mark: str) -> float:
        """What a call right after saving takes more than one before it; the first call must run what was saved."""
        began = time.monotonic()
        self.run("slurm", WRAPPER)
        usual = time.monotonic() - began
        began = self.edit(NAMES[1], "__init__.py", mark)
        assert mark in self.run("slurm", WRAPPER), "the next call runs something older"
        return max(0.0, time.monotonic() - began - usual)


def main(instance: Instance, port: int, rounds: int) -> None:
    """Measure both ways."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        packages = Path(folder)
        packages.chmod(0o755)
        for name in NAMES:
            shutil.copytree(PROJECT / "packages" / name, packages / name)
        subprocess.run(["chmod", "-R", "o+rX", packages], check=True)
        bench = Bench(instance, port, packages)
        try:
            bench.invoke("up", *bench.options, *bench.repos, "--yes")
            began = bench.edit(NAMES[0], "spawner.py", "mark-rebuilt")
            bench.invoke("up", *bench.options, "--yes")
            rebuild = time.monotonic() - began
            print(f"edit → ready by a rebuild: {rebuild:.1f} s")
            with Started(World(PROJECT, os.environ), "up", *bench.options, "--live", "--yes") as watching:
                watching.wait_for_line("Ctrl-C stops watching")
                hub = [bench.hub_seconds(f"mark-{n}-") for n in range(rounds)]
                wrapper = [bench.wrapper_seconds(f"mark-{n}-") for n in range(rounds)]
            print(f"edit of bricsauthenticator → healthy hub: {', '.join(f'{s:.2f}' for s in hub)} s")
            print(
                f"edit of a wrapper script → live at the next call, which took longer by: {max(wrapper):.3f} s"
            )
            print(f"live / rebuild: {statistics.median(hub) / rebuild:.3f}")
        finally:
            bench.invoke("down", "--instance", instance.name)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        parse_instance(given[0]) if given else Instance("bench"),
        int(given[1]) if given else 8070,
        int(given[2]) if len(given) > 2 else 5,
    )
