"""Tar archives of volumes: copy their members from one into another, and check them. May import: plan, errors.

Owners, modes and times are kept; setuid and setgid bits of files, devices, pipes and sockets are not.
"""

from __future__ import annotations

import copy
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from brics_envs.errors import ConfigError
from brics_envs.plan.backup import inner_path

KEPT_TYPES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE)


def copy_members(source: Path, into: tarfile.TarFile, wanted: Callable[[PurePosixPath], bool]) -> None:
    """Copy what is wanted of a volume's archive into another archive.

    :param wanted: takes the path in the volume.
    :raises OSError: something cannot be read or written.
    :raises tarfile.TarError: not a tar archive, or one that ends early.
    """
    left_out: set[PurePosixPath] = set()
    with tarfile.open(source) as archive:
        for member in archive:
            path = inner_path(member.name)
            if path is None or member.type not in KEPT_TYPES or not wanted(path):
                if path is not None:
                    left_out.add(path)
                continue
            entry = copy.copy(member)
            entry.name, entry.uname, entry.gname = str(path), "", ""
            entry.pax_headers = {}
            content = None
            if member.islnk() and (target := inner_path(member.linkname)) in left_out | {None}:
                # The other name of the file is not copied: this one is the file.
                content = archive.extractfile(member)
                entry.type, entry.linkname = tarfile.REGTYPE, ""
                entry.size = archive.getmember(member.linkname).size
            elif member.islnk():
                entry.linkname = str(target)
            elif member.isreg():
                content = archive.extractfile(member)
                entry.type = tarfile.REGTYPE
            if entry.isreg():
                entry.mode &= 0o777
            into.addfile(entry, content)


def check_members(archive: Path, where: str) -> None:
    """Check a volume's archive that may be anybody's, before it gets anywhere.

    :param where: the archive, for errors.
    :raises ConfigError: it is damaged, or a member is a device, is outside of the volume, or lies behind a link.
    """
    links: set[PurePosixPath] = set()
    files: set[PurePosixPath] = set()
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                path = inner_path(member.name)
                if path is None or links & {path, *path.parents}:
                    raise ConfigError(f"{where}: {member.name!r} leads out of the volume")
                if member.type not in KEPT_TYPES:
                    raise ConfigError(f"{where}: {member.name!r} is neither file, directory nor link")
                if member.islnk() and inner_path(member.linkname) not in files:
                    raise ConfigError(f"{where}: {member.name!r} is a link to a missing file")
                if member.issym():
                    links.add(path)
                elif not member.isdir():
                    files.add(path)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ConfigError(f"{where}: damaged: {error}") from error
