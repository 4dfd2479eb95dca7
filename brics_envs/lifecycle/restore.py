"""``invoke restore``: the state of a backup for an instance that is down, or new. May import: everything but cli.

All of the backup is read and checked first. What the instance had before is put into a backup of its own. From then
on until the end a file in ``_build/NAME`` says that the state is neither the one nor the other.
"""

from __future__ import annotations

import contextlib
import tarfile
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from brics_envs.config.versions import PROJECT_VERSION, load_versions
from brics_envs.effects import interrupts
from brics_envs.effects.backup_archive import read_archive
from brics_envs.effects.checkouts import ensure_checkout, instance_lock, read_checkout
from brics_envs.effects.files import write_private
from brics_envs.effects.guardian import remove_tree
from brics_envs.effects.podman import podman, require_podman
from brics_envs.effects.volume_tars import check_members, copy_members
from brics_envs.effects.volumes import export_volume, import_volume
from brics_envs.errors import ConfigError
from brics_envs.lifecycle.applied import RESTORING, has_files
from brics_envs.lifecycle.backup import DIRECTORY, make_backup, staging
from brics_envs.lifecycle.inventory import observe_inventory
from brics_envs.lifecycle.observe import observe_pod
from brics_envs.lifecycle.report import say, step
from brics_envs.plan.backup import (
    SECRET_MEMBERS,
    VOLUME_MEMBERS,
    BackupRecord,
    is_replaced,
    refuse_newer,
)
from brics_envs.plan.names import Checkout, Instance
from brics_envs.plan.ownership import Existing, refuse_foreign, refuse_other_checkout


def restore(root: Path, instance: Instance, archive: Path) -> str:
    """Give an instance the state of a backup; returns what to tell.

    :raises ConfigError: the instance is up or another checkout's, or the archive is none, damaged or too new.
    :raises EnvsError: something cannot be written; the previous state is in a backup.
    """
    require_podman()
    _tell_who_may_read(archive)
    with staging(root) as place:
        with step("reading"):
            record = _read(root, archive, place)
        with instance_lock(instance):
            existing = _refuse_what_is_up(root, instance, record)
            before = _keep_what_was(root, instance, existing)
            with _marked(instance.directory(root), archive, before, is_new=not existing.names("volume")):
                _restore(root, instance, record, place, existing)
    return "\n".join(_said(instance, record, before))


def _read(root: Path, archive: Path, place: Path) -> BackupRecord:
    """Read and check all of an archive."""
    content = place / "content"
    content.mkdir(0o700)
    record = read_archive(archive, content)
    refuse_newer(record, str(archive), version=PROJECT_VERSION, jupyterhub=load_versions(root).jupyterhub)
    for member in VOLUME_MEMBERS:
        if member in record.files:
            check_members(content / member, f"{archive}: {member}")
    return record


def _tell_who_may_read(archive: Path) -> None:
    with contextlib.suppress(OSError):
        if archive.stat().st_mode & 0o077:
            say(f"{archive} holds secrets, and others may read it: `chmod 600 {archive}`")


def _refuse_what_is_up(root: Path, instance: Instance, record: BackupRecord) -> Existing:
    """The instance's own things, if it is down.

    :raises ConfigError: it is up, or a volume's name is somebody else's.
    """
    if observe_pod(instance) is not None:
        raise ConfigError(
            f"instance {instance.name} is up",
            hint=f"`invoke down --instance {instance.name} --keep-volumes` first: its state is then kept in a backup, "
            "and replaced",
        )
    directory = instance.directory(root)
    inventory = observe_inventory(instance, read_checkout(root), adopts_unmarked=has_files(directory))
    refuse_other_checkout(inventory)
    refuse_foreign(inventory, {("volume", instance.named(name)) for name in _volumes(record)})
    return inventory.own


def _keep_what_was(root: Path, instance: Instance, existing: Existing) -> Path | None:
    """Make a backup of the present state, if there is any; unless that is what an interrupted restore left."""
    directory = instance.directory(root)
    if not existing.names("volume") or (directory / RESTORING).exists():
        return None
    name = f"{instance.name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-before-restore.tar.gz"
    make_backup(root, instance, root / DIRECTORY / name, homes=True, damaged_too=True)
    return root / DIRECTORY / name


@contextlib.contextmanager
def _marked(directory: Path, archive: Path, before: Path | None, *, is_new: bool) -> Iterator[None]:
    """Say for the length of a ``with`` block, and longer if it fails, that the state is half restored."""
    mark, was_there = directory / RESTORING, directory.exists()
    if not mark.exists():
        was = f"its previous state is in {before}" if before else ""
        write_private(mark, f"{archive.resolve()}\n{was}".encode())
    try:
        yield
    except BaseException as error:
        if not is_new and isinstance(error, KeyboardInterrupt):
            say(f"instance {directory.name} is half restored: restore it again, or take it down")
        if is_new:
            mark.unlink(missing_ok=True)
            if not was_there:
                remove_tree(directory)
        raise
    mark.unlink()


def _restore(root: Path, instance: Instance, record: BackupRecord, place: Path, existing: Existing) -> None:
    """Put volumes and secrets of a backup in the place of those that there are."""
    checkout = ensure_checkout(root)
    made: list[str] = []
    try:
        for member, base in VOLUME_MEMBERS.items():
            if member in record.files:
                name = instance.named(base)
                with step(f"volume {name}"):
                    if not existing.has("volume", name):
                        made.append(name)
                    _restore_volume(
                        name, place / "content" / member, record, place, existing, instance, checkout
                    )
        directory = instance.directory(root)
        # A private key after its public half, as when they are made.
        for member in sorted(set(record.files) & set(SECRET_MEMBERS), key=lambda m: not m.endswith(".pub")):
            write_private(directory / SECRET_MEMBERS[member], (place / "content" / member).read_bytes())
    except BaseException:
        if not existing.names("volume"):
            with interrupts.clearing_up():
                for name in made:
                    podman("volume", "rm", "--force", name, check=False)
        raise


def _restore_volume(
    name: str,
    state: Path,
    record: BackupRecord,
    place: Path,
    existing: Existing,
    instance: Instance,
    checkout: Checkout,
) -> None:
    """Make a volume with the state of a backup, and what it had beside that before."""
    whole = state
    if existing.has("volume", name):
        old, whole = place / "old.tar", place / "whole.tar"
        export_volume(name, old)
        with tarfile.open(whole, "w", format=tarfile.PAX_FORMAT) as archive:
            copy_members(state, archive, lambda _: True)
            copy_members(old, archive, partial(_is_kept, homes=record.homes))
        # podman's import removes nothing that is there.
        podman("volume", "rm", name)
    podman("volume", "create", *_labels(instance.labels | checkout.labels), name)
    import_volume(name, whole)


def _is_kept(path: PurePosixPath, *, homes: bool) -> bool:
    return not is_replaced(path, homes=homes)


def _labels(labels: Mapping[str, str]) -> list[str]:
    return [arg for key, value in labels.items() for arg in ("--label", f"{key}={value}")]


def _volumes(record: BackupRecord) -> list[str]:
    return [base for member, base in VOLUME_MEMBERS.items() if member in record.files]


def _said(instance: Instance, record: BackupRecord, before: Path | None) -> list[str]:
    said = [f"restored: {record}"]
    if before:
        said.append(f"the previous state is in {before}")
    option = "" if instance == Instance() else f" --instance {instance.name}"
    environment = record.environment or "ENV"
    return [*said, f"`invoke up --env {environment}{option}` (with its --port, --deploy-dir …) brings it up"]
