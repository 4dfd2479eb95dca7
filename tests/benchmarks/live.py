"""Compare what an edit costs live with what it costs as a rebuild, in one run.

Measured are the seconds from saving a package's module to a healthy hub that runs it, what saving a wrapper script adds
to its next call, and the seconds from saving to ready with a rebuilt image.
"""

from __future__ import annotations

import re
import statistics
import time

from brics_envs.lifecycle.ready import page_missing
from brics_envs.plan.names import Instance
from tests.benchmarks.figures import Figure, Outcome
from tests.support.ports import free_port
from tests.support.started_command import Started
from tests.support.waiting import wait_for
from tests.support.world import One, World

ROUNDS = 5
HUB, WRAPPERS = "bricsauthenticator", "slurmspawner_wrappers"
WRAPPER = "/opt/slurmspawner_wrappers/bin/slurmspawner_squeue"


def measure(own: World) -> Outcome:
    """Measure both ways, with the checkout's own packages given by their paths."""
    one = One(own, Instance("bench"), free_port())
    repos = [f"--repo={name}={own.root / 'packages' / name}" for name in (HUB, WRAPPERS)]
    own.run("chmod", "--recursive", "o+rX", str(own.root.parent))
    one.up(*repos, "--yes")
    try:
        began = edit(one, HUB, "spawner.py", "mark-rebuilt")
        one.up("--yes")
        rebuild = time.monotonic() - began
        with Started(own, "up", *one.options, "--live", "--yes") as watching:
            watching.wait_for_line("Ctrl-C stops watching")
            hub = [hub_seconds(one, f"mark-{n}-") for n in range(ROUNDS)]
            wrapper = [wrapper_seconds(one, f"mark-{n}-") for n in range(ROUNDS)]
    finally:
        one.down()
    restart = statistics.median(hub)
    return Outcome(
        [
            Figure("edit of bricsauthenticator to a healthy hub", restart, "s", goal=3),
            Figure("edit of bricsauthenticator", restart / rebuild, "", "a rebuilt image", goal=0.1),
            Figure("edit of a wrapper, at its next call", statistics.median(wrapper), "s", goal=0.1),
        ]
    )


def edit(one: One, name: str, module: str, mark: str) -> float:
    """Save a module that says a word; the time."""
    file = one.world.root / "packages" / name / "src" / name / module
    text = re.sub(r"\nimport sys; print\('mark-.*", "", file.read_text())
    file.write_text(f"{text}\nimport sys; print('{mark}', file=sys.stderr, flush=True)\n")
    return time.monotonic()


def hub_seconds(one: One, mark: str) -> float:
    """Seconds from saving a module of the hub's package to a healthy hub that runs it."""
    began = edit(one, HUB, "spawner.py", mark)
    wait_for(lambda: mark in hub_log(one), f"the hub says {mark}", interval_s=0.02)
    wait_for(lambda: not page_missing(f"{one.url}hub/health", {}), "the hub is healthy", interval_s=0.02)
    return time.monotonic() - began


def hub_log(one: One) -> str:
    """The last lines of the hub's output."""
    return one.world.run(
        "sh", "-c", 'podman logs --tail 60 "$1" 2>&1', "sh", one.instance.container("jupyterhub")
    )


def wrapper_seconds(one: One, mark: str) -> float:
    """What a call right after saving takes more than one before it; the first call must run what was saved."""
    began = time.monotonic()
    call(one)
    usual = time.monotonic() - began
    began = edit(one, WRAPPERS, "__init__.py", mark)
    assert mark in call(one), "the next call runs something older"
    return max(0.0, time.monotonic() - began - usual)


def call(one: One) -> str:
    """What a wrapper script says when it is called without what it needs."""
    return one.run("slurm", "sh", "-c", f"{WRAPPER} 2>&1 || true")
