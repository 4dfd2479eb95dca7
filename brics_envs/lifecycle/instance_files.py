"""The generated files of an instance, in ``_build/NAME``. May import: errors, config, plan, effects."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from brics_envs.config.deploy_dir import DeployKeys
from brics_envs.effects.files import write_private
from brics_envs.effects.keys import make_key_pair, make_password
from brics_envs.effects.tokens import make_jwks
from brics_envs.plan.manifest import InstanceSecrets

MANIFEST = "jh_slurm_pod.yaml"
PASSWORD = "password"  # noqa: S105 - a file's name
CLIENT_KEY = "ssh_client_key"
HOST_KEY = "ssh_host_ed25519_key"
ISSUER_JWKS = "issuer_jwks.json"
CLIENT_SECRET = "signin_client_secret"  # noqa: S105 - a file's name
CRYPTO_PASSPHRASE = "signin_crypto_passphrase"  # noqa: S105 - a file's name
APPLIED = "applied.json"

SHARED_SECRET_LENGTH = 43
"""Characters: at 5.8 bits each more than the 128 that nobody can guess, whatever the client does with them."""


@dataclass(frozen=True)
class Generated:
    """Which secrets are generated for an instance.

    ``password``: of the sign-in form; ``ssh_keys``: the hub's and the Slurm container's; ``local_issuer``: its signing
    keys, and what it shares with its proxy.
    """

    password: bool
    ssh_keys: bool
    local_issuer: bool

    @property
    def files(self) -> tuple[str, ...]:
        """Their files in ``_build/NAME``."""
        keys = (CLIENT_KEY, f"{CLIENT_KEY}.pub", HOST_KEY, f"{HOST_KEY}.pub")
        return (
            *((PASSWORD,) if self.password else ()),
            *(keys if self.ssh_keys else ()),
            *((ISSUER_JWKS, CLIENT_SECRET, CRYPTO_PASSPHRASE) if self.local_issuer else ()),
        )


@dataclass(frozen=True)
class Applied:
    """What an instance was made from.

    ``url`` is where users of this machine find JupyterHub (empty: they come through a tunnel), ``base_url`` its path,
    ``issuer`` the local issuer's URL (empty: there is none), ``account`` a ``<USER>.<PROJECT>`` in whose name the hub
    may ask Slurm for a job (empty: none is known), ``slurm_host`` the host that it asks, ``wrappers`` the directory of
    the wrapper scripts there, ``digests`` what the user would call an input → digest.
    """

    environment: str
    url: str
    base_url: str
    issuer: str
    account: str
    slurm_host: str
    wrappers: str
    digests: dict[str, str]


def make_secrets(directory: Path, wanted: Generated) -> None:
    """Make the secrets that the instance does not have yet, 0600 each."""
    if wanted.password:
        _make(directory / PASSWORD, make_password)
    if wanted.ssh_keys:
        _make_key_pair(directory / CLIENT_KEY, "jupyterhub")
        _make_key_pair(directory / HOST_KEY, "slurm")
    if wanted.local_issuer:
        _make(directory / ISSUER_JWKS, lambda: json.dumps(make_jwks()))
        _make(directory / CLIENT_SECRET, lambda: make_password(SHARED_SECRET_LENGTH))
        _make(directory / CRYPTO_PASSPHRASE, lambda: make_password(SHARED_SECRET_LENGTH))


def _make_key_pair(file: Path, comment: str) -> None:
    if not file.exists():
        pair = make_key_pair(comment)
        # The private key last: it is there only if both are.
        write_private(file.with_name(f"{file.name}.pub"), f"{pair.public}\n".encode())
        write_private(file, pair.private)


def _make(file: Path, content: Callable[[], str]) -> None:
    if not file.exists():
        write_private(file, content().encode())


def load_secrets(
    directory: Path, wanted: Generated, password: str | None, keys: DeployKeys | None
) -> InstanceSecrets | None:
    """The instance's secrets, or nothing if it does not have them all yet.

    :param password: the one of the deployment settings, which counts before the generated one.
    :param keys: what comes from the ``--deploy-dir``; None: something is needed from there, and there is none.
    """
    if keys is None or not all((directory / name).exists() for name in wanted.files):
        return None
    texts = {name: (directory / name).read_text() for name in wanted.files}
    return InstanceSecrets(
        password=password or texts.get(PASSWORD, "").strip(),
        client_key=keys.client_key or texts.get(CLIENT_KEY, ""),
        client_public=keys.client_public or texts.get(f"{CLIENT_KEY}.pub", "").strip(),
        host_key=texts.get(HOST_KEY, ""),
        host_public=texts.get(f"{HOST_KEY}.pub", "").strip(),
        known_hosts=keys.known_hosts,
        issuer_jwks=texts.get(ISSUER_JWKS, ""),
        client_secret=texts.get(CLIENT_SECRET, ""),
        crypto_passphrase=texts.get(CRYPTO_PASSPHRASE, ""),
        zenith_key=keys.zenith_key,
        zenith_public=keys.zenith_public,
        zenith_config=keys.zenith_config,
    )


def save_applied(directory: Path, applied: Applied) -> None:
    """Keep what the instance was made from, to be able to say later what has changed."""
    write_private(directory / APPLIED, json.dumps(asdict(applied), indent=2).encode())


def load_applied(directory: Path) -> Applied | None:
    """What the instance was made from; none if that is not known (any more)."""
    try:
        return Applied(**json.loads((directory / APPLIED).read_text()))
    except (OSError, ValueError, TypeError):
        return None
