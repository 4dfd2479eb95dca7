"""The ConfigMaps that are made for each instance. Pure. May import: config, plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from brics_envs.config.cluster_settings import SLURM_SETTINGS
from brics_envs.config.deploy_dir import (
    CLIENT_PUBLIC,
    KNOWN_HOSTS,
    NADIR_CONFIG,
    NADIR_KNOWN_HOSTS,
    SSH_CONFIG,
)
from brics_envs.config.dev_users import projects_by_user
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.overlay import Document
from brics_envs.plan.secrets import HOST_PUBLIC, InstanceSecrets

TOKEN_SETTINGS = ("oidcServer", "bricsPlatform", "jwtAudience", "logoutRedirectUrl", "invalidTokenLogout")
"""Settings that mean nothing where nobody signs in with a token; existing deployments have them everywhere."""


def config_map_document(name: str, desired: DesiredState, secrets: InstanceSecrets) -> Document:
    """One of :data:`CONFIG_MAPS` as a Kubernetes object."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": CONFIG_MAPS[name](desired, secrets),
    }


def _deploy_config(desired: DesiredState, _: InstanceSecrets) -> dict[str, str]:
    """The deployment settings, and where the local issuer and the proxy are, if there are any."""
    config, ports = desired.settings.public(), desired.ports
    if not desired.overlay.takes_tokens:
        config = {key: value for key, value in config.items() if key not in TOKEN_SETTINGS}
    if not desired.overlay.has_slurm:
        config = {key: value for key, value in config.items() if key not in SLURM_SETTINGS}
    if ports.issuer is not None and ports.http is not None:
        config["oidcServer"] = desired.issuer_url
        config["publicUrl"] = desired.public_url
    if ports.direct is not None:
        config["directPort"] = str(ports.direct)
    return config


def _dev_users(desired: DesiredState, _: InstanceSecrets) -> dict[str, str]:
    """The users as people write them, and as the containers read them."""
    users = desired.dev_users
    return {
        "dev_users": "".join(f"{user.account}\n" for user in users),
        "dev_users.json": json.dumps(projects_by_user(users), indent=2) + "\n",
    }


def _known_hosts(desired: DesiredState, secrets: InstanceSecrets) -> dict[str, str]:
    own = f"{desired.settings.sshHostname} {secrets.texts.get(HOST_PUBLIC, '')}"
    return {
        "known_hosts": secrets.texts.get(KNOWN_HOSTS, own),
        "ssh_config": (desired.deploy_files or {}).get(SSH_CONFIG, ""),
    }


def _authorized_keys(_: DesiredState, secrets: InstanceSecrets) -> dict[str, str]:
    # From the pod's loopback only, and for running commands: no port, agent or X11 forwarding, no terminal.
    return {"authorized_keys": f'restrict,from="127.0.0.1" {secrets.texts[CLIENT_PUBLIC]}'}


def _nadir_server(_: DesiredState, secrets: InstanceSecrets) -> dict[str, str]:
    # Empty in a manifest that is shown without a --deploy-dir.
    return {name: secrets.texts.get(name, "") for name in (NADIR_CONFIG, NADIR_KNOWN_HOSTS)}


def _announcement(desired: DesiredState, _: InstanceSecrets) -> dict[str, str]:
    return {"text": desired.settings.announcement}


CONFIG_MAPS: Mapping[str, Callable[[DesiredState, InstanceSecrets], dict[str, str]]] = {
    "announcement": _announcement,
    "deploy-config": _deploy_config,
    "dev-user-config": _dev_users,
    "ssh-known-hosts": _known_hosts,
    "ssh-authorized-keys": _authorized_keys,
    "nadir-server": _nadir_server,
}
"""Name → what makes its data."""
