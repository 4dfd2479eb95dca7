"""What is known of this project's checkouts that use one podman storage: their IDs, their locks, their images.

It is in the user's state directory (XDG Base Directory Specification), so that it survives the loss of ``_build``.
May import: errors, plan.names, effects.files, effects.podman.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from brics_envs.effects.files import locked, write_private
from brics_envs.effects.podman import environment
from brics_envs.plan.names import Checkout, Instance

STORAGE_VARIABLES = ("CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINERS_STORAGE_CONF", "CONTAINERS_CONF")
"""Environment variables that make podman use another storage."""

LOCK_DEADLINE_S = 5.0
"""Seconds to wait for another command that works on the same instance."""


@dataclass(frozen=True)
class CheckoutRecord:
    """A checkout's ID and folder, and the names of the images that its last `up` or `build` used."""

    id: str
    folder: str
    images: tuple[str, ...] = ()


def state_directory() -> Path:
    """Where the records of the present podman storage are."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    # With what DOCKER_HOST makes of them.
    effective = {**os.environ, **environment()}
    storage = "\0".join(effective.get(name, "") for name in STORAGE_VARIABLES)
    return Path(home) / "brics-jupyterhub-envs" / _key(storage)


def read_checkout(root: Path) -> Checkout:
    """The checkout in a folder; without an ID if it has made nothing yet."""
    record = _read(_file(root))
    return Checkout(record.id if record else "", root.resolve())


def ensure_checkout(root: Path) -> Checkout:
    """The checkout in a folder, with an ID.

    :raises EnvsError: the ID cannot be kept.
    """
    if _read(_file(root)) is None:
        _write(root, CheckoutRecord(uuid.uuid4().hex, str(root.resolve())))
    return read_checkout(root)


def remember_images(root: Path, names: Iterable[str]) -> None:
    """Keep the names of the images that the checkout uses, so that no other one's ``clean`` removes them.

    :raises EnvsError: they cannot be kept.
    """
    ensure_checkout(root)
    record = _read(_file(root))
    if record is not None and (missing := set(names) - set(record.images)):
        _write(root, replace(record, images=(*record.images, *sorted(missing))))


def forget_images(root: Path, names: Iterable[str]) -> None:
    """The checkout does not use these images any more."""
    record = _read(_file(root))
    if record is not None and (left := set(record.images) - set(names)) != set(record.images):
        _write(root, replace(record, images=tuple(sorted(left))))


def images_of_others(root: Path) -> frozenset[str]:
    """The names of the images that other checkouts use; of those that are still there."""
    records = [_read(path) for path in state_directory().glob("*.json")]
    others = [
        r for r in records if r and r.folder != str(root.resolve()) and Path(r.folder, "tasks.py").exists()
    ]
    return frozenset(name for record in others for name in record.images)


@contextlib.contextmanager
def instance_lock(instance: Instance) -> Iterator[None]:
    """Hold an instance of this podman storage, whatever checkout it is of, for the length of a ``with`` block.

    :raises EnvsError: another command holds it still; says which one.
    """
    with locked(state_directory() / f"{instance.name}.lock", LOCK_DEADLINE_S):
        yield


def _file(root: Path) -> Path:
    return state_directory() / f"{_key(str(root.resolve()))}.json"


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path) -> CheckoutRecord | None:
    try:
        values = json.loads(path.read_text())
        return CheckoutRecord(str(values["id"]), str(values["folder"]), tuple(map(str, values["images"])))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(root: Path, record: CheckoutRecord) -> None:
    write_private(_file(root), json.dumps(asdict(record), indent=2).encode())
