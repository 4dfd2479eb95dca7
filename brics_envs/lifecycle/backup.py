"""``invoke backup``: an instance's state in a private archive. May import: everything but cli.

Of volumes that are in use, a container of one of the instance's images reads the files; of JupyterHub's database,
SQLite makes a copy that is consistent whatever the hub writes meanwhile.
"""

from __future__ import annotations

import contextlib
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import yaml

from brics_envs.config.versions import PROJECT_VERSION
from brics_envs.effects.backup_archive import write_archive
from brics_envs.effects.checkouts import instance_lock, read_checkout
from brics_envs.effects.files import make_directory, temporary_directory
from brics_envs.effects.git import head_commit
from brics_envs.effects.podman import podman_into, require_podman
from brics_envs.effects.volume_tars import copy_members
from brics_envs.effects.volumes import COPY_DEADLINE_S, export_volume
from brics_envs.errors import ConfigError, EnvsError
from brics_envs.lifecycle.applied import MANIFEST, has_files, refuse_half_restored
from brics_envs.lifecycle.inventory import observe_inventory
from brics_envs.lifecycle.observe import PodState, observe_pod
from brics_envs.lifecycle.report import say, step
from brics_envs.plan.backup import (
    DATABASE,
    DATABASE_FILES,
    HUB_VOLUME,
    SECRET_MEMBERS,
    VOLUME_MEMBERS,
    BackupRecord,
    inner_path,
    is_state,
    volume_member,
)
from brics_envs.plan.names import LABEL_ENVIRONMENT, Instance
from brics_envs.plan.ownership import refuse_other_checkout
from brics_envs.plan.volumes import HUB_ID

DIRECTORY = "_backups"
"""In the checkout: where backups are made unless somewhere else is named."""

DATABASE_DEADLINE_S = 300.0
"""Seconds for copying the hub's database, waiting for whoever writes to it included."""

READ_VOLUME = (
    "run --rm --network=none --user=0 --read-only --cap-drop=all --cap-add=dac_read_search"
    " --security-opt=no-new-privileges"
)
"""podman's arguments for a container that reads everything in a volume, and can do nothing else."""

COPY_DATABASE = """
import os, shutil, sqlite3, sys, tempfile
from importlib.metadata import version
source = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=60)
# A file without a name goes with this process, however that ends.
descriptor, path = tempfile.mkstemp(prefix=".backup-", dir=os.path.dirname(sys.argv[1]))
target = sqlite3.connect(path, isolation_level=None)
target.execute("PRAGMA journal_mode=OFF")
target.execute("PRAGMA synchronous=OFF")
os.unlink(path)
source.backup(target)
sys.stderr.write("JupyterHub " + version("jupyterhub"))
with os.fdopen(descriptor, "rb") as copy:
    shutil.copyfileobj(copy, sys.stdout.buffer)
"""
"""Runs in the hub's container: its database on standard output, JupyterHub's version on standard error."""


def backup(root: Path, instance: Instance, archive: Path | None, *, homes: bool) -> str:
    """Make a backup of an instance, whether it runs or not; returns what to tell.

    :param archive: the file to make.
    :param homes: whether users' homes belong to it.
    :raises EnvsError: there is nothing of this instance, it is another checkout's, or the archive cannot be made.
    """
    require_podman()
    target = archive or _default_target(root, instance)
    if target.exists():
        raise ConfigError(f"{target} already exists", hint="choose another file with --archive FILE")
    if not target.parent.is_dir():
        raise ConfigError(
            f"{target.parent} is not a directory", hint="create it, or choose another directory"
        )
    with instance_lock(instance):
        refuse_half_restored(instance.directory(root))
        record = make_backup(root, instance, target, homes=homes)
    return f"{target}\n  {record}"


def make_backup(
    root: Path, instance: Instance, target: Path, *, homes: bool, damaged_too: bool = False
) -> BackupRecord:
    """As :func:`backup`, by whoever holds the instance's lock.

    :param damaged_too: whether to take a database that is damaged, or none, for what it is.
    """
    directory = instance.directory(root)
    inventory = observe_inventory(instance, read_checkout(root), adopts_unmarked=has_files(directory))
    refuse_other_checkout(inventory)
    volumes = [base for base in VOLUME_MEMBERS.values() if inventory.own.has("volume", instance.named(base))]
    if HUB_VOLUME not in volumes:
        raise EnvsError(
            f"instance {instance.name} has no volume {instance.named(HUB_VOLUME)}: there is nothing to back up",
            hint="`invoke status` shows what is up",
        )
    pod = observe_pod(instance)
    with staging(root) as place:
        jupyterhub, members = "", dict[str, Path]()
        for base in volumes:
            with step(f"volume {instance.named(base)}"):
                raw, members[volume_member(base)] = place / "volume.tar", place / f"{base}.tar"
                _read_volume(instance.named(base), pod, raw, homes=homes)
                database = place / "database"
                if base == HUB_VOLUME:
                    jupyterhub = _copy_database(instance, pod, raw, database)
                    problem = _problem_of(database)
                    if problem and not damaged_too:
                        raise EnvsError(f"JupyterHub's database is damaged or missing: {problem}")
                _write_state(base, raw, members[volume_member(base)], database, homes=homes)
                raw.unlink()
        secrets = {m: directory / file for m, file in SECRET_MEMBERS.items() if (directory / file).exists()}
        if not secrets:
            say(f"{directory}: no secrets there, so none in this backup")
        with step("archive"):
            return write_archive(
                target,
                place,
                members | secrets,
                lambda files: BackupRecord(
                    version=PROJECT_VERSION,
                    commit=head_commit(root),
                    jupyterhub=jupyterhub,
                    environment=pod.environment if pod else _last_environment(directory),
                    instance=instance.name,
                    created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                    homes=homes,
                    files=files,
                ),
            )


@contextlib.contextmanager
def staging(root: Path) -> Iterator[Path]:
    """A private directory with room for volumes, for as long as a ``with`` block lasts."""
    make_directory(root / DIRECTORY, 0o700)
    with temporary_directory(".part-", root / DIRECTORY) as place:
        yield place


def _default_target(root: Path, instance: Instance) -> Path:
    make_directory(root / DIRECTORY, 0o700)
    return root / DIRECTORY / f"{instance.name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.tar.gz"


def _read_volume(volume: str, pod: PodState | None, archive: Path, *, homes: bool) -> None:
    """Write a volume's contents into a tar archive: of one in use, without what changes all the time."""
    running = [container for container in pod.containers if container.state == "running"] if pod else []
    if not running:
        export_volume(volume, archive)
        return
    image = running[0].image_id
    excluded = ["--exclude=./var/log/*", *([] if homes else ["--exclude=./home/*"])]
    # tar's status 1: a file has changed while it was read. Those that matter are replaced, not written to.
    tar = ["--entrypoint=sh", image, "-c", 'tar "$@"; [ $? -le 1 ]', "tar", "-C", "/volume", *excluded]
    podman_into(
        archive,
        [*READ_VOLUME.split(), f"--volume={volume}:/volume:ro", *tar, "--create", "--numeric-owner", "."],
        COPY_DEADLINE_S,
    )


def _copy_database(instance: Instance, pod: PodState | None, volume: Path, database: Path) -> str:
    """Write a consistent copy of the hub's database; return JupyterHub's version if the hub could say it.

    :param volume: the volume's contents, for a hub that does not run.
    """
    hub = next((c for c in pod.containers if c.name == "jupyterhub"), None) if pod else None
    said = ""
    if hub and hub.state == "running":
        command = ["exec", instance.container("jupyterhub"), "python3", "-c", COPY_DATABASE, f"/{DATABASE}"]
        said = podman_into(database, command, DATABASE_DEADLINE_S)
    else:
        with tarfile.open(volume) as archive:
            for member in archive:
                path = inner_path(member.name)
                content = archive.extractfile(member) if path and str(path) in DATABASE_FILES else None
                if path and content:
                    end = path.name.removeprefix(DATABASE.name)
                    database.with_name(database.name + end).write_bytes(content.read())
    return said.rpartition("JupyterHub ")[2].strip()


def _problem_of(database: Path) -> str:
    """What is wrong with a copy of the database; empty if nothing is. Puts in order what a killed hub has left."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=rw", uri=True)) as copied:
            (answer,) = copied.execute("PRAGMA integrity_check(1)").fetchone()
            copied.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        answer = str(error)
    return "" if answer == "ok" else str(answer)


def _write_state(volume: str, raw: Path, state: Path, database: Path, *, homes: bool) -> None:
    with tarfile.open(state, "w", format=tarfile.PAX_FORMAT) as archive:
        copy_members(raw, archive, partial(is_state, volume, homes=homes))
        if volume == HUB_VOLUME and database.exists():
            entry = tarfile.TarInfo(str(DATABASE))
            entry.size, entry.mode, entry.uid, entry.gid = database.stat().st_size, 0o600, HUB_ID, HUB_ID
            entry.mtime = int(time.time())
            with database.open("rb") as content:
                archive.addfile(entry, content)


def _last_environment(directory: Path) -> str:
    """The environment that an instance was last up as; empty if nothing tells."""
    try:
        for document in yaml.safe_load_all((directory / MANIFEST).read_text()):
            if document["kind"] == "Pod":
                return str(document["metadata"]["labels"][LABEL_ENVIRONMENT])
    except (OSError, yaml.YAMLError, TypeError, KeyError):
        pass
    return ""
