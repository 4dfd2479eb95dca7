"""Whether podman's machine shares a directory with this one. May import: files, interrupts, podman, process, plan.

Nothing is written into the directory, and nothing in it is run: podman copies one file out of a container that is
never started, into which the directory is mounted read-only.
"""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

from brics_envs.effects import interrupts
from brics_envs.effects.files import temporary_directory
from brics_envs.effects.podman import attempt, podman, podman_into
from brics_envs.effects.process import CommandError
from brics_envs.plan.names import LABEL_PROJECT, PROJECT

PLACE = "/shared"
"""Where the directory is in the container."""

EMPTY_TAR = bytes(1024)
"""An archive without files."""

PROBE_S = 60.0
REMOVE_S = 60.0

MTIME_TOLERANCE_S = 1.0
"""An archive's times are in whole seconds."""


def shows(directory: Path, file: Path) -> bool:
    """Whether podman's machine has this very file, its contents and the time of its last change, in the directory.

    :raises CommandError: podman cannot make an image of nothing.
    """
    with temporary_directory("brics-shared-") as folder, _container(directory, folder) as container:
        archive = folder / "file.tar"
        if not container:
            return False
        try:
            podman_into(archive, ["cp", f"{container}:{PLACE}/{file.relative_to(directory)}", "-"], PROBE_S)
        except CommandError:
            return False
        return holds(archive, file)


def holds(archive: Path, file: Path) -> bool:
    """Whether a tar archive's first member is a copy of this very file."""
    with tarfile.open(archive) as opened:
        member = opened.next()
        content = opened.extractfile(member) if member else None
        if member is None or content is None:
            return False
        is_as_old = abs(member.mtime - file.stat().st_mtime) <= MTIME_TOLERANCE_S
        return is_as_old and content.read() == file.read_bytes()


@contextlib.contextmanager
def _container(directory: Path, folder: Path) -> Iterator[str]:
    """A container that is never started, with the directory in it; empty if podman's machine has no such directory."""
    empty = folder / "empty.tar"
    empty.write_bytes(EMPTY_TAR)
    image = podman(
        "import", "--quiet", f"--change=LABEL {LABEL_PROJECT}={PROJECT}", str(empty)
    ).stdout.strip()
    container = ""
    try:
        done = attempt(
            "create", "--network=none", f"--mount={mount(directory)}", image, "true", timeout_s=PROBE_S
        )
        container = done.stdout.strip() if done.status == 0 else ""
        yield container
    finally:
        with interrupts.clearing_up():
            if container:
                podman("rm", container, timeout_s=REMOVE_S, check=False)
            podman("rmi", image, timeout_s=REMOVE_S, check=False)


def mount(directory: Path) -> str:
    """podman's words for a directory that is mounted read-only; they are one line of CSV."""
    source = f"src={directory}".replace('"', '""')
    return f'type=bind,"{source}",dst={PLACE},ro'
