"""An instance's systemd unit: write it, keep it equal to what runs, remove it. May import: errors, plan, effects."""

from __future__ import annotations

import os
from pathlib import Path

import pykustomize
from brics_envs.effects import podman, systemd
from brics_envs.effects.files import write_private
from brics_envs.errors import ConfigError
from brics_envs.plan.names import Checkout, Instance
from brics_envs.plan.overlay import Document
from brics_envs.plan.service import (
    MARK,
    manifest_file,
    service_manifest,
    service_name,
    unit_directory,
    unit_file,
    unit_text,
)


def unit_path(instance: Instance) -> Path:
    """Where an instance's unit is, if there is one."""
    return unit_directory(os.environ, user=systemd.is_user()) / unit_file(instance)


def has_unit(instance: Instance) -> bool:
    """Whether there is a unit of ours for an instance."""
    try:
        return unit_path(instance).read_text().startswith(MARK)
    except (OSError, UnicodeDecodeError):
        return False


def refuse_foreign_unit(instance: Instance) -> None:
    """Refuse to write over somebody else's unit.

    :raises ConfigError: there is one of that name.
    """
    path = unit_path(instance)
    if path.exists() and not has_unit(instance):
        raise ConfigError(
            f"{path} is not this project's", hint="remove or rename it, or choose another --instance NAME"
        )


def refuse_running_service(instance: Instance, then: str) -> None:
    """Refuse to replace or remove a pod that systemd runs: it would end, or start, another one meanwhile.

    :param then: what to do after the service has been stopped.
    :raises ConfigError: systemd runs it.
    """
    service = service_name(instance)
    if has_unit(instance) and systemd.is_active(service):
        raise ConfigError(
            f"instance {instance.name} is run by {service}",
            hint=f"`{systemd.systemctl_words()} stop {service}` first (running jobs in the pod end); then {then}",
        )


def write_unit(instance: Instance, checkout: Checkout, manifest: list[Document]) -> Path:
    """Write an instance's unit, and its manifest beside it (0600 both), if podman's generator accepts them.

    :raises EnvsError: it does not, or they cannot be written.
    """
    user, path = systemd.is_user(), unit_path(instance)
    unit = unit_text(instance, checkout, manifest, podman.environment(), user=user)
    files = {manifest_file(instance): pykustomize.dump(service_manifest(manifest)), path.name: unit}
    systemd.check_unit(path.name, files)
    for name, text in files.items():
        write_private(path.with_name(name), text.encode())
    return path


def refresh_unit(instance: Instance, checkout: Checkout, manifest: list[Document]) -> None:
    """Keep an instance's unit, if it has one, equal to what runs.

    :raises EnvsError: as :func:`write_unit`.
    """
    if has_unit(instance):
        write_unit(instance, checkout, manifest)


def remove_unit(instance: Instance) -> str:
    """Remove an instance's unit; returns what to tell, empty if there is none."""
    if not has_unit(instance):
        return ""
    path = unit_path(instance)
    path.unlink()
    path.with_name(manifest_file(instance)).unlink(missing_ok=True)
    return f"{path} is removed: `{systemd.systemctl_words()} daemon-reload`"
