"""The containers in which ``podman build`` works: find and remove those that it left.

May import: podman, interrupts, plan.

podman removes them when a build ends by itself, and leaves all of them, one for each layer made, when it is stopped.
They have neither labels nor names of ours, but the build's arguments are kept beside each.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from brics_envs.effects import interrupts
from brics_envs.effects.podman import podman, podman_json
from brics_envs.plan.image_commands import BUILD_ARGUMENT
from brics_envs.plan.names import OURS

COMMAND_ID = secrets.token_hex(8)
"""Value of the build argument that tells the builds of this process from others that share podman's storage."""

LOCK_POLL_S = 0.1

REMOVE_S = 120.0


@contextlib.contextmanager
def none_left() -> Iterator[None]:
    """Bracket builds: remove what earlier ones left, as nobody builds any more, and what these leave if they stop."""
    storage = _Storage()
    if not storage.graph_root.is_dir():
        yield  # podman is on another machine, which sees to it
        return
    descriptor = os.open(storage.graph_root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _locked(descriptor, fcntl.LOCK_EX):
            storage.remove(_of_any_command)
        while not _locked(descriptor, fcntl.LOCK_SH):
            interrupts.sleep(LOCK_POLL_S)
        try:
            yield
        except BaseException:
            with interrupts.clearing_up():
                storage.remove(_of_any_command if _locked(descriptor, fcntl.LOCK_EX) else _of_this_command)
            raise
    finally:
        os.close(descriptor)


def _locked(descriptor: int, kind: int) -> bool:
    """Try to lock podman's storage, which builds share, whichever checkout they belong to."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _of_this_command(build: str | None, _: str) -> bool:
    return build == COMMAND_ID


def _of_any_command(build: str | None, image_id: str) -> bool:
    """For when no build of ours is going on. One that was just being made has no record: its image tells."""
    return bool(build) or (build is None and image_id in _our_images())


def _our_images() -> set[str]:
    listed = podman("images", "--all", "--quiet", "--no-trunc", *OURS).stdout.split()
    return {line.removeprefix("sha256:") for line in listed}


class _Storage:
    """podman's storage."""

    def __init__(self) -> None:
        shown = podman("info", "--format={{.Store.GraphRoot}}\n{{.Store.GraphDriverName}}").stdout
        root, driver = shown.strip().splitlines()
        self.graph_root = Path(root)
        self._containers = self.graph_root / f"{driver}-containers"

    def remove(self, wanted: Callable[[str | None, str], bool]) -> None:
        """Remove those that are wanted, by the command whose build they belong to and by the ID of their image."""
        containers: list[dict[str, Any]] = podman_json("ps", "--all", "--external", "--format=json")
        working = [container for container in containers if container["Command"] == ["buildah"]]
        if found := [c["Id"] for c in working if wanted(self._build_of(c["Id"]), c["ImageID"])]:
            podman("rm", "--force", *found, timeout_s=REMOVE_S, check=False)

    def _build_of(self, container: str) -> str | None:
        """The command whose build it belongs to; empty if it is none of ours, none if there is no record."""
        try:
            record = json.loads((self._containers / container / "userdata/buildah.json").read_bytes())
            return str((record.get("Args") or {}).get(BUILD_ARGUMENT, ""))
        except (OSError, ValueError):
            return None
