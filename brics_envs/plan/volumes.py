"""The named volumes' initial contents as tar archives. May import: errors. Writes nothing.

Owners and modes come from a table and not from the checkout, so that they are what the containers need
whoever checked the project out, on Linux and macOS alike.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from brics_envs.errors import ConfigError

HUB_ID = 10000
"""User and group ID of the hub's user ``jupyterhub`` in its container."""

ISSUER_ID = 10001
PROXY_ID = 10002
"""User and group IDs in the containers of the local issuer and of the proxy in front of JupyterHub."""

SLURM_ID = 64030
"""User and group ID of ``slurm`` in the Slurm container."""


@dataclass(frozen=True)
class Ownership:
    """Who owns a directory and everything below it; files get ``mode`` without its execute bits."""

    uid: int
    gid: int
    mode: int


ROOT = Ownership(0, 0, 0o755)
"""For every path that the table does not name."""

OWNERSHIP: Mapping[str, Mapping[str, Ownership]] = {
    "jupyterhub_root": {
        "srv/jupyterhub": Ownership(HUB_ID, HUB_ID, 0o700),
        "var/log/jupyterhub": Ownership(HUB_ID, HUB_ID, 0o750),
    },
    "signin_root": {
        "var/lib/issuer": Ownership(ISSUER_ID, ISSUER_ID, 0o700),
        "var/lib/signin-proxy": Ownership(PROXY_ID, PROXY_ID, 0o700),
    },
    "slurm_root": {
        "var/log/slurm": Ownership(SLURM_ID, SLURM_ID, 0o755),
        "var/spool/slurm": Ownership(SLURM_ID, SLURM_ID, 0o755),
    },
}
"""Volume → path inside it → owner and mode; the longest path that is a prefix counts."""

PLACEHOLDER = ".gitkeep"
"""Keeps empty directories in Git; not part of a volume."""


def volume_tar(tree: Path, ownership: Mapping[str, Ownership]) -> bytes:
    """Return the tar archive of a volume's initial contents: equal trees give equal bytes.

    :param tree: the directory, for example ``volumes/slurm_root``; its own entry ``.`` comes first.
    :param ownership: path inside the volume → owner and mode, for example ``OWNERSHIP["slurm_root"]``.
    :raises ConfigError: ``tree`` is no directory, or has something in it that is neither directory nor file.
    """
    if not tree.is_dir():
        raise ConfigError(f"{tree}: not a directory", hint="it belongs to the project: restore it with git")
    out = io.BytesIO()
    # pax differs from ustar only where ustar cannot express something (long names).
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in [tree, *sorted(tree.rglob("*"))]:
            if path.name != PLACEHOLDER:
                _add(archive, path, PurePosixPath(path.relative_to(tree).as_posix()), ownership)
    return out.getvalue()


def _add(
    archive: tarfile.TarFile, path: Path, name: PurePosixPath, ownership: Mapping[str, Ownership]
) -> None:
    owner = _owner(name, ownership)
    entry = tarfile.TarInfo(str(name))
    entry.uid, entry.gid, entry.mtime = owner.uid, owner.gid, 0
    if path.is_symlink() or not (path.is_dir() or path.is_file()):
        raise ConfigError(f"{path}: a volume's initial contents are directories and files only")
    if path.is_dir():
        entry.type, entry.mode = tarfile.DIRTYPE, owner.mode
        archive.addfile(entry)
        return
    content = path.read_bytes()
    entry.size, entry.mode = len(content), owner.mode & ~0o111
    archive.addfile(entry, io.BytesIO(content))


def _owner(name: PurePosixPath, ownership: Mapping[str, Ownership]) -> Ownership:
    for candidate in (name, *name.parents):
        if (found := ownership.get(str(candidate))) is not None:
            return found
    return ROOT
