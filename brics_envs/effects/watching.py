"""Notice changes of files. May import: effects.interrupts.

Where the file system tells of changes it is asked; where it does not (network file systems, folders shared with a
virtual machine), and where the system has no more watches to give, files are looked at again and again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

from brics_envs.effects import interrupts

QUIET_MS = 150
"""Milliseconds without a change that end a change."""

POLLING_QUIET_MS = 700
"""The same where files are looked at every 300 ms."""

LONGEST_MS = 10_000
"""Milliseconds after which a change that does not end is reported all the same."""

IDLE_MS = 500
"""Milliseconds after which the caller gets a turn though nothing has changed."""

SILENT = ("9p", "cifs", "fuse", "nfs", "nfs4", "prl_fs", "smb3", "vboxsf", "virtiofs", "vmhgfs")
"""Types of file systems on which others' changes are not told."""


class SourceFilter(DefaultFilter):
    """What belongs to a package's source: no caches, no Git, no editors' temporary files."""

    def __call__(self, change: Change, path: str) -> bool:
        """Whether a change counts."""
        return not any(part.endswith(".egg-info") for part in Path(path).parts) and super().__call__(
            change, path
        )


def changes(directories: Sequence[Path]) -> Iterator[frozenset[Path]]:
    """What has changed, each time when it has been quiet for a moment; nothing, now and then.

    :raises KeyboardInterrupt: as :func:`interrupts.check`.
    """
    polls = any(is_silent(directory) for directory in directories)
    while True:
        try:
            for found in _watch(directories, polls=polls):
                interrupts.check()
                yield frozenset(Path(path) for _, path in found)
            return
        except OSError:
            # As when the system has no watches left.
            if polls:
                raise
            polls = True


def is_silent(directory: Path) -> bool:
    """Whether a directory is on a file system that does not tell what others change."""
    place, kind = Path("/"), ""
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return False
    for line in lines:
        _, where, type_, *_ = line.split()
        mount = Path(where.encode().decode("unicode_escape"))
        if directory.is_relative_to(mount) and mount.is_relative_to(place):
            place, kind = mount, type_
    return kind.partition(".")[0] in SILENT


def _watch(directories: Sequence[Path], *, polls: bool) -> Iterator[set[tuple[Change, str]]]:
    return watch(
        *directories,
        watch_filter=SourceFilter(),
        step=POLLING_QUIET_MS if polls else QUIET_MS,
        debounce=LONGEST_MS,
        rust_timeout=IDLE_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
        # WATCHFILES_FORCE_POLLING says so too.
        force_polling=True if polls else None,
    )
