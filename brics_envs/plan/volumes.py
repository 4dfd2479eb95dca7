"""The named volumes: what is in them at first, as tar archives. May import: nothing of brics_envs.

They hold state and logs; configuration is in ConfigMaps and Secrets. A new volume has empty directories alone, which
containers mount by ``subPath``, with the owners and modes that they need there.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

HUB_ID = 10000
"""User and group ID of the hub's user ``jupyterhub`` in its container."""

ISSUER_ID = 10001
PROXY_ID = 10002
"""User and group IDs in the containers of the local issuer and of the proxy in front of JupyterHub."""

SLURM_ID = 64030
"""User and group ID of ``slurm`` in the containers of Slurm and of its accounting."""


@dataclass(frozen=True)
class Directory:
    """An empty directory of a new volume."""

    uid: int
    gid: int
    mode: int


ROOT = Directory(0, 0, 0o755)

VOLUMES: Mapping[str, Mapping[str, Directory]] = {
    "accounting_root": {
        "run/munge": ROOT,
        "var/lib/mysql": Directory(SLURM_ID, SLURM_ID, 0o700),
    },
    "jupyterhub_root": {
        "srv/jupyterhub": Directory(HUB_ID, HUB_ID, 0o700),
        "var/log/jupyterhub": Directory(HUB_ID, HUB_ID, 0o750),
    },
    "signin_root": {
        "var/lib/issuer": Directory(ISSUER_ID, ISSUER_ID, 0o700),
        "var/lib/signin-proxy": Directory(PROXY_ID, PROXY_ID, 0o700),
    },
    "slurm_root": {
        "home": ROOT,
        "var/lib/munge": ROOT,
        "var/log/slurm": Directory(SLURM_ID, SLURM_ID, 0o755),
        "var/spool/slurm": Directory(SLURM_ID, SLURM_ID, 0o755),
        "var/spool/slurm/slurmctld": Directory(SLURM_ID, SLURM_ID, 0o755),
        "var/spool/slurm/slurmd": Directory(SLURM_ID, SLURM_ID, 0o755),
    },
}
"""Volume → path inside it → directory; directories above these are root's."""


def volume_tar(directories: Mapping[str, Directory]) -> bytes:
    """The tar archive of a new volume: equal directories give equal bytes.

    :param directories: path inside the volume → directory, for example ``VOLUMES["slurm_root"]``.
    """
    above = {str(parent): ROOT for path in directories for parent in PurePosixPath(path).parents}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, directory in sorted({**above, **directories}.items()):
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode = tarfile.DIRTYPE, directory.mode
            entry.uid, entry.gid, entry.mtime = directory.uid, directory.gid, 0
            archive.addfile(entry)
    return out.getvalue()
