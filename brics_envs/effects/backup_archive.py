"""A backup's file: written whole or not at all, private, and checked before anything of it is used.

May import: errors, plan, effects.files, effects.interrupts.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from brics_envs.effects import interrupts
from brics_envs.effects.files import temporary_path
from brics_envs.errors import ConfigError, EnvsError
from brics_envs.plan.backup import MAX_RECORD_BYTES, RECORD, BackupRecord, File, parse_record

CHUNK = 1 << 20


def write_archive(
    target: Path,
    directory: Path,
    members: Mapping[str, Path],
    record: Callable[[Mapping[str, File]], BackupRecord],
) -> BackupRecord:
    """Write an archive (0600) of files; it is there when it is complete, and is never written over another file.

    :param directory: where there is room for its record.
    :param members: member's name → file.
    :param record: makes the record of the files.
    :raises EnvsError: it cannot be written.
    """
    made = record({name: _measure(path) for name, path in members.items()})
    head = directory / RECORD
    head.write_text(made.to_json())
    try:
        with temporary_path(target.parent, f".{target.name}.") as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                # Level 1: several times faster, and nearly as small.
                with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
                    for name, path in {RECORD: head, **members}.items():
                        entry = tarfile.TarInfo(name)
                        entry.size, entry.mode, entry.mtime = path.stat().st_size, 0o600, path.stat().st_mtime
                        with path.open("rb") as file:
                            archive.addfile(entry, file)
                        interrupts.check()
                stream.flush()
                os.fsync(descriptor)
            # Unlike a rename, it fails if there is something.
            target.hardlink_to(temporary)
    except OSError as error:
        raise EnvsError(f"{target}: cannot be written: {error.strerror or error}") from error
    return made


def read_archive(source: Path, directory: Path) -> BackupRecord:
    """Read an archive into files of a directory, by their members' names; all is as its record says.

    :param directory: an empty one, of its owner alone.
    :raises ConfigError: it cannot be read, is none of this project's, is damaged, or was made by a newer version.
    """
    try:
        with gzip.open(source) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            record = _record(archive, source)
            missing = dict(record.files)
            while member := archive.next():
                expected = missing.pop(member.name, None)
                if expected is None or not member.isreg():
                    raise ConfigError(f"{source}: {member.name!r} is not in its record")
                if member.size != expected.size or _extract(archive, member, directory) != expected:
                    raise ConfigError(f"{source}: damaged: {member.name} does not match its record")
            while stream.read(CHUNK):
                pass  # its checksum is at its end
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ConfigError(f"{source}: not a backup of this project, or damaged: {error}") from error
    except OSError as error:
        # gzip's own error is one, too.
        raise ConfigError(f"{source}: cannot be read: {error.strerror or error}") from error
    if missing:
        raise ConfigError(f"{source}: damaged: {min(missing)} is missing")
    return record


def _record(archive: tarfile.TarFile, source: Path) -> BackupRecord:
    first = archive.next()
    if first is None or first.name != RECORD or not first.isreg() or first.size > MAX_RECORD_BYTES:
        raise ConfigError(f"{source}: not a backup of this project")
    content = archive.extractfile(first)
    assert content is not None
    return parse_record(content.read().decode(errors="replace"), str(source))


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, directory: Path) -> File:
    content = archive.extractfile(member)
    assert content is not None
    path = directory / member.name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        while chunk := content.read(CHUNK):
            interrupts.check()
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
    return File(size, digest.hexdigest())


def _measure(path: Path) -> File:
    with path.open("rb") as file:
        return File(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
