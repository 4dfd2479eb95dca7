"""``invoke volume-export``: the contents of a named volume. May import: errors, effects."""

from __future__ import annotations

import shutil
from pathlib import Path

from brics_envs.effects.archive import unpack
from brics_envs.effects.containers import inspected
from brics_envs.effects.podman import require_podman
from brics_envs.effects.volumes import export_volume
from brics_envs.errors import EnvsError


def volume_export(volume: str, directory: Path) -> str:
    """Copy a named volume's contents into a new directory; returns what to tell.

    :raises EnvsError: no such volume, or the directory exists and is not empty.
    """
    require_podman()
    if inspected("volumes", volume) is None:
        raise EnvsError(f"there is no volume {volume}", hint="`podman volume ls` lists the volumes")
    if directory.exists() and any(directory.iterdir()):
        raise EnvsError(f"{directory} is not empty", hint="choose another with --to DIR")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    archive = directory.with_name(f".{directory.name}.tar")
    try:
        export_volume(volume, archive)
        left_out = unpack(archive, directory)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    finally:
        archive.unlink(missing_ok=True)
    said = [f"the contents of volume {volume} are in {directory}"]
    if left_out:
        said.append(f"left out, since they are devices or lead outside: {', '.join(map(repr, left_out))}")
    return "\n".join(said)
