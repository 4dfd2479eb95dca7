"""What an instance was made from, and what was put in place since. May import: errors, plan, effects.

It is kept in the user's state directory, where it outlives ``_build``; podman cannot change the labels of a pod.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from brics_envs.effects.checkouts import state_directory
from brics_envs.effects.files import write_private
from brics_envs.errors import ConfigError
from brics_envs.plan.digests import Digests, Item, inputs_label
from brics_envs.plan.names import LABEL_INPUTS, Instance
from brics_envs.plan.record import Record, parse_record

MANIFEST = "jh_slurm_pod.yaml"
"""The rendered manifest's file, in ``_build/NAME``."""

OLD_FILE = "applied.json"
"""What older versions kept beside it."""

RESTORING = "restoring"
"""There while a backup is being restored: the backup's file, and a line about what was there before."""


@dataclass(frozen=True)
class Applied:
    """What was applied last.

    :param made_as: the label :data:`LABEL_INPUTS` that the pod was made with.
    :param options: those of `up` that decide what the manifest says, by name.
    :param digests: what it is made from now; an item that was about to be put in place has none.
    """

    made_as: str
    digests: Digests
    record: Record
    options: Mapping[str, str] = field(default_factory=dict)

    def is_of(self, labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels is meant: the one that was made, or one played from the manifest's file."""
        return labels.get(LABEL_INPUTS) in (self.made_as, inputs_label(self.digests))


def refuse_half_restored(directory: Path) -> None:
    """Refuse to use an instance whose state is partly that of a backup.

    :raises ConfigError: a restore was interrupted.
    """
    try:
        archive, _, before = (directory / RESTORING).read_text().partition("\n")
    except OSError:
        return
    raise ConfigError(
        f"instance {directory.name} is half restored from {archive}",
        hint=f"run `invoke restore` again, or `invoke down`{f'; {before}' if before else ''}",
    )


def has_files(directory: Path) -> bool:
    """Whether an instance was made from this ``_build/NAME``."""
    return (directory / MANIFEST).exists() or (directory / OLD_FILE).exists()


def save_applied(instance: Instance, applied: Applied) -> None:
    """Keep what was applied.

    :raises EnvsError: it cannot be written.
    """
    text = json.dumps(
        {
            "made_as": applied.made_as,
            "digests": [[i.kind, i.name, i.key, digest] for i, digest in applied.digests.items()],
            "record": asdict(applied.record),
            "options": dict(applied.options),
        }
    )
    write_private(_file(instance), text.encode())


def load_applied(instance: Instance, labels: Mapping[str, str]) -> Applied | None:
    """What was applied to an instance; none if nothing tells.

    :param labels: those of its pod.
    """
    try:
        values = json.loads(_file(instance).read_text())
        digests = {Item(str(kind), str(name), str(key)): str(d) for kind, name, key, d in values["digests"]}
        record = parse_record(json.dumps(values["record"]))
        options = {str(name): str(value) for name, value in values.get("options", {}).items()}
        applied = Applied(str(values["made_as"]), digests, record, options) if record else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return applied if applied and applied.is_of(labels) else None


def forget_applied(instance: Instance) -> None:
    """The instance is no more."""
    _file(instance).unlink(missing_ok=True)


def _file(instance: Instance) -> Path:
    return state_directory() / f"{instance.name}.applied.json"
