"""``invoke service``: start an instance at boot. May import: everything but cli."""

from __future__ import annotations

import yaml

from brics_envs.effects import systemd
from brics_envs.effects.checkouts import instance_lock, read_checkout
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.applied import MANIFEST
from brics_envs.lifecycle.prepare import UpOptions
from brics_envs.lifecycle.units import refuse_foreign_unit, write_unit
from brics_envs.lifecycle.up import up
from brics_envs.plan.service import service_name


def service(options: UpOptions) -> str:
    """Bring an instance up, and write a unit with which systemd brings it up at boot; returns what to tell.

    What the unit needs (images, secrets, volumes, the network) is then in podman.

    :raises ConfigError: there is a unit of that name that is not ours; or as :func:`brics_envs.lifecycle.up.up`.
    :raises EnvsError: podman's generator does not accept the unit, or it cannot be written.
    """
    instance, root = options.instance, options.environment.root
    refuse_foreign_unit(instance)
    said = [up(options)]
    with instance_lock(instance):
        file = instance.directory(root) / MANIFEST
        try:
            manifest = list(yaml.safe_load_all(file.read_text()))
        except (OSError, yaml.YAMLError) as error:
            raise EnvsError(f"{file}: {error}", hint="`invoke down --keep-volumes`, then `up`") from error
        path = write_unit(instance, read_checkout(root), manifest)
    control, name = systemd.systemctl_words(), service_name(instance)
    said += [
        f"{path} starts it at boot, after `{control} daemon-reload`",
        f"`{control} start {name}` hands it over to systemd now: the pod is recreated, which ends the jobs in it",
    ]
    user, lingers = systemd.lingering_user()
    if systemd.is_user() and not lingers:
        said.append(
            f"until `loginctl enable-linger {user}` it starts when {user} signs in, and ends when {user} signs out"
        )
    return "\n".join(said)
