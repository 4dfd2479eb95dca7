"""Call podman, always in the same way. May import: errors, config, plan, effects.process."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from brics_envs.effects import process
from brics_envs.errors import EnvsError
from brics_envs.plan.podman_place import Place, place_of

MINIMUM_VERSION = (4, 9)
"""Oldest podman whose ``kube play`` honours ``subPath`` and ``defaultMode`` and decodes Secrets."""

_ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def environment() -> dict[str, str]:
    """Variables for every podman process, which choose the podman of :func:`place`.

    On hosts with cgroup v1 or hybrid cgroups crun refuses to start containers, so that runc is chosen there, and a
    warning that podman would print at every call is silenced.
    """
    if is_remote() or Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return dict(place().variables)
    chosen = {"PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
    if "CONTAINERS_CONF_OVERRIDE" not in os.environ:
        chosen["CONTAINERS_CONF_OVERRIDE"] = str(_ROOT / "config" / "containers-runc.conf")
    return chosen


@functools.cache
def place() -> Place:
    """Where podman is, by the environment, for the commands and for the socket alike.

    :raises EnvsError: as :func:`brics_envs.plan.podman_place.place_of`.
    """
    return place_of(os.environ, _connections, on_linux=sys.platform == "linux")


def _connections() -> list[dict[str, Any]]:
    done = process.run(["podman", "system", "connection", "list", "--format=json"], timeout_s=20)
    connections: list[dict[str, Any]] = json.loads(done.stdout or "[]") or []
    return connections


def is_remote() -> bool:
    """Whether podman is a client of one that sees other files, as on a Mac, or with CONTAINER_HOST."""
    return sys.platform != "linux" or place().uri != ""


def podman_into(file: Path, args: Iterable[str], timeout_s: float) -> str:
    """Run podman with its output into a file; return what it wrote on standard error."""
    command = ["sh", "-c", 'exec podman "$@" >"$0"', str(file), *args]
    return process.run(command, timeout_s=timeout_s, env=environment()).stderr


def podman(
    *args: str,
    timeout_s: float = 60,
    stdin: bytes | Iterable[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    on_line: Callable[[str], None] | None = None,
    hint: str = "",
) -> process.Completed:
    """Run ``podman ARGS`` to its end; parameters and errors as :func:`brics_envs.effects.process.run`."""
    return process.run(
        ["podman", *args],
        timeout_s=timeout_s,
        stdin=stdin,
        env={**environment(), **(env or {})},
        check=check,
        on_line=on_line,
        hint=hint,
    )


def attempt(*args: str, timeout_s: float) -> process.Completed:
    """Run ``podman ARGS`` whatever comes of it: any failure, also that time is up, is an answer with its status."""
    try:
        return podman(*args, timeout_s=timeout_s, check=False)
    except process.CommandError as error:
        return process.Completed(error.status or 1, "", error.message)


def require_podman() -> None:
    """Refuse to go on without a podman that is new enough.

    :raises EnvsError: podman is missing, too old, or does not say its version.
    """
    hint = "run ./bootstrap, which installs a recent podman; `invoke doctor` lists everything that is missing"
    minimum = ".".join(map(str, MINIMUM_VERSION))
    try:
        words = process.run(["podman", "--version"], timeout_s=20, hint=hint).stdout.split()
        version = tuple(int(part) for part in words[-1].split("-")[0].split("."))
    except process.CommandError as error:
        if error.status == 127:
            raise EnvsError(
                f"podman is not installed; podman {minimum} or newer is needed", hint=hint
            ) from None
        raise
    except (ValueError, IndexError) as error:
        raise EnvsError("`podman --version` printed no version number", hint=hint) from error
    if version < MINIMUM_VERSION:
        raise EnvsError(f"podman {words[-1]} is too old; {minimum} or newer is needed", hint=hint)
