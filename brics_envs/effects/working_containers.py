"""The containers in which ``podman build`` works: find and remove those that it left.

May import: podman, interrupts, plan.

podman removes them when a build ends by itself, and leaves all of them, one for each layer made, when it is stopped.
They have neither labels nor names of ours, but buildah keeps a record beside each, with the build's arguments. The
records are read as files: podman itself would wait for locks that other builds hold for seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from brics_envs.effects import interrupts
from brics_envs.effects.podman import is_remote, podman
from brics_envs.plan.image_commands import BUILD_ARGUMENT
from brics_envs.plan.names import OURS

COMMAND_ID = secrets.token_hex(8)
"""Value of the build argument that tells the builds of this process from others that share podman's storage."""

LOCK_POLL_S = 0.1

REMOVE_S = 120.0


@contextlib.contextmanager
def none_left() -> Iterator[None]:
    """Bracket builds: remove what earlier ones left, as nobody builds any more, and what these leave if they stop."""
    if is_remote():
        yield  # its storage is on another machine, which sees to it
        return
    shown = podman("info", "--format={{.Store.GraphRoot}}\n{{.Store.GraphDriverName}}").stdout
    root, driver = shown.strip().splitlines()
    containers = Path(root, f"{driver}-containers")
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _locked(descriptor, fcntl.LOCK_EX):
            _remove(_left_by_any_command(containers))
        while not _locked(descriptor, fcntl.LOCK_SH):
            interrupts.sleep(LOCK_POLL_S)
        try:
            yield
        except BaseException:
            with interrupts.clearing_up():
                _remove(_left_by_this_command(containers))
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


def _remove(containers: list[str]) -> None:
    if containers:
        podman("rm", "--force", *containers, timeout_s=REMOVE_S, check=False)


def _left_by_this_command(containers: Path) -> list[str]:
    return [container for container, record in _records(containers) if _build_of(record) == COMMAND_ID]


def _left_by_any_command(containers: Path) -> list[str]:
    """Those of all builds of ours; none may be going on. Older versions gave no argument: the image tells."""
    found = list(_records(containers))
    unknown = {record.get("image-id") for _, record in found if not _build_of(record)}
    ours = unknown & _our_images() if unknown else set()
    return [container for container, record in found if _build_of(record) or record.get("image-id") in ours]


def _records(containers: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """ID and record of every container of a build, anybody's."""
    for file in containers.glob("*/userdata/buildah.json"):
        with contextlib.suppress(OSError, ValueError):
            yield file.parts[-3], json.loads(file.read_bytes())


def _build_of(record: dict[str, Any]) -> str:
    """The command whose build a container belongs to; empty if it says none."""
    return str((record.get("Args") or {}).get(BUILD_ARGUMENT, ""))


def _our_images() -> set[str]:
    listed = podman("images", "--all", "--quiet", "--no-trunc", *OURS).stdout.split()
    return {line.removeprefix("sha256:") for line in listed}
