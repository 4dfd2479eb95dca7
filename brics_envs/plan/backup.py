"""What a backup of an instance's state is: its record, and which paths of which volume are state. Pure.

May import: errors, plan.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath

from packaging.version import InvalidVersion, Version

from brics_envs.errors import ConfigError
from brics_envs.plan.names import PROJECT
from brics_envs.plan.secrets import SECRETS
from brics_envs.plan.volumes import VOLUMES

FORMAT = 1
"""Of archives: what is written now; older ones are read."""

RECORD = "backup.json"
"""The archive's first member, which says what the others are."""

MAX_RECORD_BYTES = 1 << 20

HUB_VOLUME = "jupyterhub_root"
DATABASE = PurePosixPath("srv/jupyterhub/jupyterhub.sqlite")
"""JupyterHub's database in it; SQLite's own files beside it have names that begin in the same way."""

DATABASE_FILES = frozenset(str(DATABASE) + end for end in ("", "-journal", "-wal", "-shm"))

HOMES = PurePosixPath("home")
LOGS = PurePosixPath("var/log")


@dataclass(frozen=True)
class File:
    """A member of the archive: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True)
class BackupRecord:
    """What an archive says of itself.

    ``version`` is the project's that made it, ``commit`` the checkout's (empty: not known), ``jupyterhub`` the version
    that the database is of (empty: the instance was down), ``created`` in RFC 3339. ``homes``: whether users' homes are
    in it.
    """

    version: str
    commit: str
    jupyterhub: str
    environment: str
    instance: str
    created: str
    homes: bool
    files: Mapping[str, File] = field(repr=False)

    def to_json(self) -> str:
        """As it stands in the archive."""
        return json.dumps({"project": PROJECT, "format": FORMAT, **asdict(self)}, indent=2)

    def __str__(self) -> str:
        """One line for the user."""
        words = [f"made {self.created} by version {self.version}"]
        words += [f"of commit {self.commit[:12]}"] if self.commit else []
        words += [f"with JupyterHub {self.jupyterhub}"] if self.jupyterhub else []
        of = f"instance {self.instance}" + (f" ({self.environment})" if self.environment else "")
        return f"{of}, {' '.join(words)}, {'with' if self.homes else 'without'} homes"


def secret_member(file: str) -> str:
    """The archive's member with a secret's file of ``_build/NAME``."""
    return f"secrets/{file}"


def volume_member(volume: str) -> str:
    """The archive's member with a volume's state, itself a tar archive.

    :param volume: its name in the overlays.
    """
    return f"volumes/{volume}.tar"


SECRET_MEMBERS = {secret_member(file): file for values in SECRETS.values() for file in values.values()}
"""Member → file in ``_build/NAME``."""

ACCOUNTING_VOLUME = "accounting_root"
"""Not in archives: a running database cannot be copied; its accounts are made again from dev_users."""

VOLUME_MEMBERS = {volume_member(volume): volume for volume in VOLUMES if volume != ACCOUNTING_VOLUME}
"""Member → volume, by its name in the overlays."""


def parse_record(text: str, where: str) -> BackupRecord:
    """The record of an archive.

    :param where: the archive, for errors.
    :raises ConfigError: it is not one of this project's, is damaged, or was made by a newer version.
    """
    try:
        values = json.loads(text)
        if values.pop("project") != PROJECT:
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ConfigError(f"{where}: not a backup of this project") from None
    number = values.pop("format", None)
    if isinstance(number, int) and number > FORMAT:
        raise _newer(where, f"version {values.get('version')}")
    try:
        files = {str(name): File(int(f["size"]), str(f["sha256"])) for name, f in values.pop("files").items()}
        record = BackupRecord(**values, files=files)
        if number != FORMAT or not _is_sound(record):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigError(f"{where}: damaged: its {RECORD} is not a record of a backup") from None
    if unknown := sorted(set(files) - set(SECRET_MEMBERS) - set(VOLUME_MEMBERS)):
        raise ConfigError(f"{where}: {unknown[0]!r} does not belong in a backup")
    return record


def _is_sound(record: BackupRecord) -> bool:
    texts = (record.version, record.commit, record.jupyterhub, record.environment, record.instance)
    return (
        # They are printed.
        all(isinstance(text, str) and re.fullmatch(r"[\w.+-]{0,100}", text) for text in texts)
        and isinstance(record.created, str)
        and re.fullmatch(r"[\dTZ:.+-]{1,40}", record.created) is not None
        and isinstance(record.homes, bool)
        and all(f.size >= 0 and re.fullmatch(r"[0-9a-f]{64}", f.sha256) for f in record.files.values())
    )


def refuse_newer(record: BackupRecord, where: str, *, version: str, jupyterhub: str) -> None:
    """Refuse what a newer version has made: its database may be of a form that is not known here.

    :param version: this project's.
    :param jupyterhub: the one that this checkout's hub is made with.
    :raises ConfigError: it is newer.
    """
    for name, theirs, ours in (
        ("version", record.version, version),
        ("JupyterHub", record.jupyterhub, jupyterhub),
    ):
        if theirs and _version(theirs, where) > Version(ours):
            raise _newer(where, f"{name} {theirs}", f"; this checkout has {ours}")


def _version(text: str, where: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        raise ConfigError(f"{where}: damaged: {text!r} is not a version") from None


def _newer(where: str, what: str, here: str = "") -> ConfigError:
    return ConfigError(
        f"{where}: made by {what}, which is newer{here}",
        hint="restore it with the version that made it, or a later one (`git checkout …`)",
    )


def is_state(volume: str, path: PurePosixPath, *, homes: bool) -> bool:
    """Whether a path of a volume is in a backup: all but logs, and users' homes as is wanted.

    :param volume: its name in the overlays.
    :param path: as :func:`inner_path` returns it.
    """
    if volume == HUB_VOLUME and str(path) in DATABASE_FILES:
        return False  # they are copied by SQLite
    if _is_in(path, LOGS):
        return False
    return homes or not _is_in(path, HOMES)


def is_replaced(path: PurePosixPath, *, homes: bool) -> bool:
    """Whether a restored backup takes the place of what a volume has at a path."""
    return not _is_in(path, LOGS) and (homes or not _is_in(path, HOMES))


def _is_in(path: PurePosixPath, directory: PurePosixPath) -> bool:
    return path == directory or directory in path.parents


def inner_path(name: str) -> PurePosixPath | None:
    """The path in a volume that a member of its tar archive has; none if that is outside."""
    path = PurePosixPath(posixpath.normpath(name))
    return None if path.is_absolute() or ".." in path.parts else path
