"""Files written whole or not at all, with their mode from the start, and locks.

May import: errors, guardian, interrupts.

Nothing here follows a symbolic link at the place that is written: the link is replaced by the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from brics_envs.effects import interrupts
from brics_envs.effects.guardian import guardian, remove_tree
from brics_envs.errors import EnvsError

LOCK_POLL_S = 0.1
"""Seconds between two attempts to get a lock that somebody else holds."""


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read (0600); directories that are missing are made 0700.

    :raises EnvsError: the file cannot be written; what was there before is still there.
    """
    try:
        make_directory(path.parent, 0o700)
        with temporary_path(path.parent, f".{path.name}.") as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(descriptor)
            temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        raise EnvsError(f"{path}: cannot be written: {error.strerror or error}") from error


@contextlib.contextmanager
def temporary_directory(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A directory of its owner alone (0700) for the length of a ``with`` block, and also no longer if we are killed.

    :param parent: where to make it; none: where temporary files belong (``TMPDIR``).
    :raises OSError: it cannot be made.
    """
    with temporary_path(parent or Path(tempfile.gettempdir()), prefix) as path:
        path.mkdir(mode=0o700)
        yield path


@contextlib.contextmanager
def temporary_path(parent: Path, prefix: str) -> Iterator[Path]:
    """A path at which nothing is yet, and will be in the end, also if we are killed."""
    path = (parent / f"{prefix}{secrets.token_hex(8)}").absolute()
    guardian.keep("path", path)
    try:
        yield path
    finally:
        remove_tree(path)
        if not path.exists():
            guardian.forget("path", path)


def make_directory(path: Path, mode: int) -> None:
    """Make a directory and the missing ones above it, each with ``mode`` less the umask; leave others alone.

    :raises OSError: it cannot be made.
    """
    # Path.mkdir gives its mode to the last directory only.
    for directory in (*reversed(path.parents), path):
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode)
    if not path.is_dir():
        raise NotADirectoryError(f"{path} is not a directory")


@contextlib.contextmanager
def locked(path: Path, deadline_s: float) -> Iterator[None]:
    """Hold an exclusive lock between processes for the length of a ``with`` block.

    The lock ends with the process, however it ends; the file stays behind and means nothing by itself. The
    holder may remove it, also while others wait for it.

    :param path: the lock's file, made with mode 0600 if missing.
    :param deadline_s: seconds to wait for another process; 0 means one attempt.
    :raises EnvsError: another process holds it still; says which one.
    """
    deadline = time.monotonic() + deadline_s
    try:
        while (descriptor := _try_lock(path)) is None:
            if time.monotonic() >= deadline:
                raise _held(path)
            interrupts.sleep(LOCK_POLL_S)
    except OSError as error:
        raise EnvsError(f"{path}: cannot be locked: {error.strerror or error}") from error
    try:
        guardian.lend(descriptor)
        os.ftruncate(descriptor, 0)
        # Only the program and its first word: further arguments may hold passwords.
        os.write(descriptor, f"{os.getpid()} {' '.join([Path(sys.argv[0]).name, *sys.argv[1:2]])}".encode())
        yield
    finally:
        # Closing is not enough: the guardian has the lock too.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _try_lock(path: Path) -> int | None:
    """Return the descriptor of the locked file, or none if another process has it."""
    # Every time: the holder may remove the directory with the file.
    make_directory(path.parent, 0o700)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The former holder may have removed the file between our open and our lock.
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _held(path: Path) -> EnvsError:
    try:
        pid, _, command = path.read_text(errors="replace").partition(" ")
    except OSError:
        pid, command = "", ""
    holder = f"process {pid} ({command})" if pid else "another process"
    return EnvsError(f"{holder} holds {path}", hint="wait for it to end, or stop it, and try again")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
