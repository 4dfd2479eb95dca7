"""What an instance keeps secret: which file each value of a Secret comes from. Pure. May import: config, plan.

The files are generated in ``_build/NAME``, or are the user's own in the ``--deploy-dir``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from brics_envs.config.deploy_dir import (
    CLIENT_KEY,
    CLIENT_PUBLIC,
    EXTERNAL_SLURM_FILES,
    METRICS_TOKEN,
    NADIR_FILES,
    NADIR_KEY,
    NADIR_PUBLIC,
    ZENITH_CONFIG,
    ZENITH_FILES,
    ZENITH_KEY,
    ZENITH_PUBLIC,
)
from brics_envs.plan.overlay import Document, Overlay

PASSWORD = "password"  # noqa: S105 - a file's name, as those below
HOST_KEY = "ssh_host_ed25519_key"
HOST_PUBLIC = f"{HOST_KEY}.pub"
PROXY_TOKEN = "proxy_api_token"  # noqa: S105
ISSUER_JWKS = "issuer_jwks.json"
CLIENT_SECRET = "signin_client_secret"  # noqa: S105
CRYPTO_PASSPHRASE = "signin_crypto_passphrase"  # noqa: S105

SECRETS: Mapping[str, Mapping[str, str]] = {
    "deploy-secret": {"dummyAuthPassword": PASSWORD},
    "jupyterhub-slurm-proxy-api": {"token": PROXY_TOKEN},
    "jupyterhub-slurm-metrics": {"token": METRICS_TOKEN},
    "jupyterhub-slurm-ssh-client-key": {"ssh_client_key": CLIENT_KEY, "ssh_client_key.pub": CLIENT_PUBLIC},
    "jupyterhub-slurm-ssh-host-key": {HOST_KEY: HOST_KEY, HOST_PUBLIC: HOST_PUBLIC},
    "jupyterhub-slurm-issuer-keys": {"jwks.json": ISSUER_JWKS},
    "jupyterhub-slurm-signin-proxy": {
        "clientSecret": CLIENT_SECRET,
        "cryptoPassphrase": CRYPTO_PASSPHRASE,
    },
    "jupyterhub-slurm-nadir-key": {NADIR_KEY: NADIR_KEY, NADIR_PUBLIC: NADIR_PUBLIC},
    "jupyterhub-slurm-zenith-client": {
        "client.yaml": ZENITH_CONFIG,
        "ssh_key": ZENITH_KEY,
        "ssh_key.pub": ZENITH_PUBLIC,
    },
}
"""The Secrets of all environments: name → key in it → file with its value."""

TUNNEL_FILES: Mapping[str, tuple[str, ...]] = {"Zenith": ZENITH_FILES, "Nadir": NADIR_FILES}
"""A tunnel's name → the files of a ``--deploy-dir`` that it needs."""


@dataclass(frozen=True)
class InstanceSecrets:
    """The texts of an instance's files, by the files' names.

    Keys are in OpenSSH's formats, public ones in one line; ``issuer_jwks.json`` is a JSON Web Key Set (RFC 7517),
    ``ssh_known_hosts`` as in sshd(8), Zenith's configuration YAML.
    """

    texts: Mapping[str, str] = field(repr=False)


HIDDEN = InstanceSecrets(
    {
        file: "ssh-ed25519 <hidden>\n" if file.endswith(".pub") else "<hidden>"
        for values in SECRETS.values()
        for file in values.values()
    }
)
"""Markers in place of the secrets, for a manifest that is shown."""


def deploy_dir_files(overlay: Overlay) -> tuple[str, ...]:
    """The files that an environment takes from its ``--deploy-dir``; none: it needs no such directory."""
    external = () if overlay.has_slurm else EXTERNAL_SLURM_FILES
    return (*external, *TUNNEL_FILES.get(overlay.tunnel, ()))


def generated_files(overlay: Overlay) -> tuple[str, ...]:
    """The files that are generated for an instance: what its Secrets hold and no ``--deploy-dir`` gives."""
    wanted = [
        file
        for name, values in SECRETS.items()
        if overlay.refers_to("Secret", name)
        for file in values.values()
    ]
    return tuple(file for file in wanted if file not in deploy_dir_files(overlay))


def secret_document(name: str, secrets: InstanceSecrets) -> Document:
    """One of :data:`SECRETS` as a Kubernetes object."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "Opaque",
        "stringData": {key: secrets.texts[file] for key, file in SECRETS[name].items()},
    }
