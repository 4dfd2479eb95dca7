"""``invoke watch``: apply changes of mounted directories as they are saved. May import: everything but cli."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from brics_envs.effects import interrupts, watching
from brics_envs.effects.checkouts import instance_lock
from brics_envs.effects.containers import execute
from brics_envs.effects.podman import attempt
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.configuration import directories, put_configuration_in_place
from brics_envs.lifecycle.live import built_from, mounted
from brics_envs.lifecycle.observe import PodState, observe_pod, observe_record, running_pod
from brics_envs.lifecycle.ready import hub_missing
from brics_envs.lifecycle.report import say
from brics_envs.plan.live import SUPERVISOR, Live
from brics_envs.plan.names import Instance
from brics_envs.plan.record import Record
from brics_envs.plan.steps import STOP_S

LOOK_S = 10.0
"""Seconds between two looks whether the pod is still the same."""

HEALTHY_S = 60.0
"""Seconds within which a new hub must answer."""

SHOWN = 3
"""How many of the changed files are named."""

RELOAD_S = 120.0
"""Seconds for a new hub to take the old one's place."""

WRAPPERS_CHECK = (
    "import importlib.metadata as m; [e.load() for e in m.entry_points(group='console_scripts')"
    " if e.name.startswith('slurmspawner_')]"
)
"""Python program: loads what the three wrapper scripts run."""

MOST_NOTED = 30_000
"""Characters of a problem that are noted; an argument of a command takes 128 KiB."""

LOG = "/var/log/slurm/live.log"


def watch(root: Path, instance: Instance) -> None:
    """Apply changes until Ctrl-C, which leaves the pod as it is.

    :raises EnvsError: the instance is not up.
    """
    pod: PodState | None = running_pod(instance)
    try:
        while pod is not None:
            pod = _watch_pod(root, pod)
        say(f"instance {instance.name} is down: stopped watching")
    except KeyboardInterrupt:
        # Ctrl-C is how it ends.
        if interrupts.received() != signal.SIGINT:
            raise


def _watch_pod(root: Path, pod: PodState) -> PodState | None:
    """Watch until the pod is another one; that one, if there is one."""
    live = mounted(pod)
    record = observe_record(pod, pod.instance.directory(root))
    configuration = directories(root, pod)
    said, looked, pending = False, time.monotonic(), frozenset[Path]()
    for changed in watching.changes([*(one.directory for one in live.values()), *configuration]):
        if not said:
            # By now nothing is missed.
            _introduce(pod, live, configuration)
            said = True
        pending |= changed
        if not pending and time.monotonic() - looked < LOOK_S:
            continue
        looked = time.monotonic()
        try:
            # Whoever has it may be replacing the pod.
            with instance_lock(pod.instance):
                now = observe_pod(pod.instance)
                if now is None or now.id != pod.id:
                    return now
                due, pending = pending, frozenset()
                _apply(pod, record, live, due)
                if any(path.is_relative_to(place) for path in due for place in configuration):
                    for line in put_configuration_in_place(root, pod):
                        say(line)
        except EnvsError as error:
            say(error.message)
    return None


def _introduce(pod: PodState, live: Mapping[str, Live], configuration: list[Path]) -> None:
    for name, one in live.items():
        say(f"watching {name}: {one.directory}")
    if not live:
        say(
            f"no directory is mounted: mount one with `invoke up --env {pod.environment} --repo NAME=PATH --live`"
        )
    say(f"watching the configuration: {', '.join(map(str, configuration))}")
    say("Ctrl-C stops watching; the pod keeps running")


def _apply(pod: PodState, record: Record | None, live: Mapping[str, Live], changed: frozenset[Path]) -> None:
    for name, one in live.items():
        paths = sorted(path for path in changed if path.is_relative_to(one.directory))
        if not paths:
            continue
        began = time.monotonic()
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        few = ", ".join(str(path.relative_to(one.directory)) for path in paths[:SHOWN])
        say(f"{datetime.now().astimezone():%H:%M:%S} {name}: {few}{more}")
        if built_from(one.directory) != one.built_from:
            say(f"  {name}: what its image is built from has changed (dependencies, entry points):")
            say("  `invoke up` rebuilds its image; until then the rest of the change is live")
        problem = _restart_hub(pod, record) if name == "bricsauthenticator" else _check_wrappers(pod)
        for line in problem.splitlines():
            say(f"  {line}")
        if problem:
            say(f"  {name}: not live; the next working change fixes it")
        else:
            say(f"  {name}: live after {time.monotonic() - began:.1f} s")


def _restart_hub(pod: PodState, record: Record | None) -> str:
    """Put a hub with the present code in the old one's place; what is wrong, if anything is."""
    container = pod.instance.container("jupyterhub")
    done = execute(container, "python3", "-IS", SUPERVISOR, "--reload", timeout_s=RELOAD_S)
    if done.status == 1 and done.stdout:
        return f"{done.stdout.strip()}\nthe hub keeps running the previous code"
    if done.status != 0:
        # It has just ended, or is about to start: after an error that importing does not show.
        attempt("restart", "--time", str(STOP_S), container, timeout_s=RELOAD_S)
    deadline = time.monotonic() + HEALTHY_S
    while record and (missing := hub_missing(pod.instance, record)):
        if time.monotonic() > deadline:
            return f"the hub does not answer: {missing}; `invoke logs --container jupyterhub` may show why"
        interrupts.sleep(0.05)
    return ""


def _check_wrappers(pod: PodState) -> str:
    """Why the wrapper scripts, which are live already, do not work; empty if their code can be loaded."""
    python = "/opt/slurmspawner_wrappers/bin/python"
    container = pod.instance.container("slurm")
    done = execute(container, python, "-c", WRAPPERS_CHECK, timeout_s=60)
    problem = "" if done.status == 0 else done.stderr.strip()
    if problem:
        # `invoke logs` shows the log files of the volume.
        note = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} slurmspawner_wrappers\n{problem[-MOST_NOTED:]}\n"
        execute(container, "sh", "-c", f'printf %s "$0" >>{LOG}', note, timeout_s=60)
    return problem
