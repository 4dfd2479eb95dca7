"""Unpack tar archives whose contents nobody vouches for. May import: nothing of the project.

(tarfile's own filters are missing from Debian 12's Python 3.11.2.)
"""

from __future__ import annotations

import posixpath
import shutil
import tarfile
from pathlib import Path, PurePosixPath


def unpack(archive: Path, directory: Path) -> list[str]:
    """Unpack files, directories and links as the caller's own: no owners, no setuid, setgid or sticky bits.

    :param directory: an empty directory that nobody else can write to.
    :returns: the names of the members that were left out: devices, pipes and sockets, names outside the directory,
        links that lead out of it, and what lies behind a link.
    :raises OSError: something cannot be written.
    :raises tarfile.TarError: not a tar archive, or one that ends early.
    """
    left_out: list[str] = []
    modes: dict[Path, int] = {}
    links: list[tuple[Path, str]] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            name = PurePosixPath(posixpath.normpath(member.name))
            path = directory / name
            if name.is_absolute() or ".." in name.parts or not _is_kept(member, name):
                left_out.append(member.name)
            elif member.isdir():
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                modes[path] = member.mode & 0o777 | 0o700
            elif member.issym():
                links.append((path, member.linkname))
            elif not _write(tar, member, path):
                left_out.append(member.name)
    # In the end: while files are written, no link can lead any of them elsewhere.
    for path, target in links:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            left_out.append(str(path.relative_to(directory)))
        else:
            path.symlink_to(target)
    for path, mode in modes.items():
        path.chmod(mode)
    return left_out


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bool:
    """Write a file, or a hard link as a file of its own; False if there is one already, or nothing to link to."""
    try:
        content = tar.extractfile(member)
        if content is None or path.exists():
            return False
    except KeyError:
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("xb") as file:
        shutil.copyfileobj(content, file)
    path.chmod(member.mode & 0o777)
    return True


def _is_kept(member: tarfile.TarInfo, name: PurePosixPath) -> bool:
    if not member.issym():
        return member.isdir() or member.isreg() or member.islnk()
    parts = PurePosixPath(member.linkname).parts
    ups = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    # `..` behind a name could lead out through another link.
    return parts[:1] != ("/",) and ups <= len(name.parent.parts) and ".." not in parts[ups:]
