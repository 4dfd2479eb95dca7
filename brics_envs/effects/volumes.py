"""Copy the contents of volumes, wherever podman is. May import: errors, plan, podman, containers.

By podman's commands: what the socket gives of a container's files (``get_archive``) is all root's, and the owners
matter to who puts a volume back.
"""

from __future__ import annotations

from pathlib import Path

from brics_envs.effects.containers import listed
from brics_envs.effects.podman import is_remote, podman, podman_into
from brics_envs.errors import EnvsError
from brics_envs.plan.volume_commands import export_arguments, import_arguments

COPY_DEADLINE_S = 3600.0
"""Seconds for copying a volume."""


def export_volume(volume: str, archive: Path) -> None:
    """Write the contents of a volume into a tar archive.

    :raises EnvsError: podman failed, or is elsewhere and has no image of this project.
    """
    if is_remote():
        podman_into(archive, export_arguments(volume, _image()), COPY_DEADLINE_S)
    else:
        podman("volume", "export", volume, "--output", str(archive), timeout_s=COPY_DEADLINE_S)


def import_volume(volume: str, archive: Path) -> None:
    """Unpack a tar archive in a volume.

    :raises EnvsError: as :func:`export_volume`.
    """
    with archive.open("rb") as file:
        chunks = iter(lambda: file.read(1 << 20), b"")
        podman(
            *import_arguments(volume, _image() if is_remote() else ""),
            stdin=chunks,
            timeout_s=COPY_DEADLINE_S,
        )


def _image() -> str:
    """An image of this project, all of which have tar."""
    image = next((entry["Id"] for entry in listed("images", ours=True) if entry.get("Names")), "")
    if not image:
        raise EnvsError(
            "podman is on another machine and has no image of this project, which copying a volume needs",
            hint="`invoke build --env ENV` makes them",
        )
    return str(image)
