"""Snapshots of the dev repositories: what images are built from. May import: errors, config, plan, effects.

A snapshot holds what Git tracks, edits and deletions that are not committed included, and what it neither
tracks nor ignores; of a directory that is not in Git, everything but caches. Modes are Git's two (0755,
0644), times are all the same: whether a layer is built anew depends on names, contents and modes alone. The
repository is only read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from brics_envs.effects import git, interrupts
from brics_envs.effects.files import make_directory, temporary_directory
from brics_envs.effects.version import package_version
from brics_envs.errors import EnvsError
from brics_envs.plan.images import RepoSnapshot

TIME_S = 946684800
"""Time of everything in a snapshot: the year 2000, in seconds since 1970 (zip begins with 1980)."""

NOT_SOURCE = frozenset(
    [
        ".git",
        ".hg",
        ".svn",
        ".venv",
        "venv",
        ".tox",
        ".nox",
        ".eggs",
        "build",
        "dist",
        "node_modules",
        "__pycache__",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".hypothesis",
    ]
)
"""Directories that are left out where no Git says what belongs to the source."""


@dataclass(frozen=True)
class _Entry:
    """A file (``link`` is none) or a symbolic link, by its path relative to the source's root."""

    name: str
    link: str | None
    executable: bool


def take_snapshot(name: str, source: Path, destination: Path) -> RepoSnapshot:
    """Copy a repository's files to ``destination``, which is replaced as a whole or left as it was.

    :param name: the repository's name.
    :param source: its directory; nothing in it is changed.
    :raises EnvsError: something cannot be read or written.
    """
    try:
        make_directory(destination.parent, 0o700)
        with temporary_directory(f".{destination.name}.", destination.parent) as part:
            made, old = part / "new", part / "old"
            digest = _copy(source, made)
            version = package_version(source, made)
            _set_times(made)
            # A directory cannot be renamed over another one; the old one goes with the temporary directory.
            with contextlib.suppress(FileNotFoundError):
                destination.rename(old)
            made.rename(destination)
    except OSError as error:
        raise EnvsError(f"{name}: no snapshot of {source}: {_words(error)}") from error
    return RepoSnapshot(name=name, directory=destination, version=version, digest=digest)


def digest_of(name: str, source: Path) -> str:
    """Return the digest that :func:`take_snapshot` would give, without writing anything.

    :raises EnvsError: something cannot be read.
    """
    try:
        return _copy(source, None)
    except OSError as error:
        raise EnvsError(f"{name}: {source} cannot be read: {_words(error)}") from error


def _copy(source: Path, destination: Path | None) -> str:
    """Copy the entries, if there is a destination, and return the digest of exactly what was copied."""
    digest = hashlib.sha256()
    if destination is not None:
        destination.mkdir(mode=0o755)
    for entry in _entries(source):
        interrupts.check()
        content = _content(source, entry)
        if content is None:
            continue
        kind = "link" if entry.link is not None else "program" if entry.executable else "file"
        # Lengths keep one entry's end apart from the next one's beginning.
        head = (kind, str(len(os.fsencode(entry.name))), entry.name, str(len(content)))
        digest.update("\0".join(head).encode(errors="surrogateescape") + b"\0" + content)
        if destination is not None:
            _write(destination / entry.name, entry, content)
    return digest.hexdigest()


def _content(source: Path, entry: _Entry) -> bytes | None:
    """Return a file's bytes or a link's target; none if it went away since it was listed."""
    if entry.link is not None:
        return os.fsencode(entry.link)
    try:
        # Should a link have taken the file's place since, it is not followed.
        descriptor = os.open(source / entry.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read()


def _write(path: Path, entry: _Entry, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.link is not None:
        path.symlink_to(entry.link)
        return
    path.write_bytes(content)
    path.chmod(0o755 if entry.executable else 0o644)


def _set_times(root: Path) -> None:
    """Give everything the same time, and directories the same mode, from the leaves to the root."""
    for directory, _, files in os.walk(root, topdown=False):
        for name in files:
            os.utime(Path(directory, name), (TIME_S, TIME_S), follow_symlinks=False)
        # Links to directories are not among the files.
        for link in filter(Path.is_symlink, Path(directory).iterdir()):
            os.utime(link, (TIME_S, TIME_S), follow_symlinks=False)
        Path(directory).chmod(0o755)
        os.utime(directory, (TIME_S, TIME_S))


def _entries(source: Path) -> list[_Entry]:
    """List what belongs to the source, sorted by name."""
    return sorted(_below(source, ""), key=lambda entry: os.fsencode(entry.name))


def _below(root: Path, prefix: str) -> Iterator[_Entry]:
    """List the source below ``root/prefix``, names relative to ``root``."""
    directory = root / prefix
    for name in _names(directory):
        path = directory / name
        # A tracked file may lie behind a link by now, which leads who knows where.
        if any((directory / parent).is_symlink() for parent in Path(name).parents):
            continue
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        relative = f"{prefix}{name}"
        if stat.S_ISLNK(status.st_mode):
            yield _Entry(relative, str(path.readlink()), False)
        elif stat.S_ISREG(status.st_mode):
            yield _Entry(relative, None, bool(status.st_mode & stat.S_IXUSR))
        elif stat.S_ISDIR(status.st_mode) and (path / ".git").exists():
            # A submodule, or a repository inside the repository.
            yield from _below(root, f"{relative}/")


def _names(directory: Path) -> list[str]:
    return git.listed_files(directory) if is_in_git(directory) else list(_walk(directory, ""))


def is_in_git(directory: Path) -> bool:
    """Tell whether Git knows what belongs to a directory: a working tree's root, or tracked files are below
    it.

    A directory that merely lies somewhere in a working tree (ignored, as ``_dev_build_data`` is) is not in
    Git.
    """
    root = git.toplevel(directory)
    if root is None:
        return False
    return root.samefile(directory) or bool(git.listed_files(directory, untracked=False))


def _walk(directory: Path, prefix: str) -> Iterator[str]:
    with os.scandir(directory) as found:
        for item in found:
            if item.is_dir(follow_symlinks=False):
                if item.name not in NOT_SOURCE and not item.name.endswith(".egg-info"):
                    yield from _walk(Path(item.path), f"{prefix}{item.name}/")
            elif not item.name.endswith((".pyc", ".pyo")):
                yield f"{prefix}{item.name}"


def _words(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)
