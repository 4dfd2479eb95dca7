"""The generated files of an instance, in ``_build/NAME``. May import: errors, config, plan, effects."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

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
class Applied:
    """What an instance was made from.

    ``issuer`` is the local issuer's URL (empty: there is none), ``account`` a ``<USER>.<PROJECT>`` in whose name the
    hub may ask Slurm for a job (empty: none is known), ``wrappers`` the directory of the wrapper scripts, ``digests``
    what the user would call an input → digest.
    """

    environment: str
    url: str
    issuer: str
    account: str
    wrappers: str
    digests: dict[str, str]


def make_secrets(directory: Path, *, local_issuer: bool) -> None:
    """Make the secrets that the instance does not have yet, 0600 each.

    Two SSH key pairs and a password; for a local issuer also its signing keys, and what it shares with its proxy.
    """
    for name, comment in ((CLIENT_KEY, "jupyterhub"), (HOST_KEY, "slurm")):
        if not (directory / name).exists():
            pair = make_key_pair(comment)
            # The private key last: it is there only if both are.
            write_private(directory / f"{name}.pub", f"{pair.public}\n".encode())
            write_private(directory / name, pair.private)
    _make(directory / PASSWORD, make_password)
    if local_issuer:
        _make(directory / ISSUER_JWKS, lambda: json.dumps(make_jwks()))
        _make(directory / CLIENT_SECRET, lambda: make_password(SHARED_SECRET_LENGTH))
        _make(directory / CRYPTO_PASSPHRASE, lambda: make_password(SHARED_SECRET_LENGTH))


def _make(file: Path, content: Callable[[], str]) -> None:
    if not file.exists():
        write_private(file, content().encode())


def load_secrets(directory: Path, password: str | None, *, local_issuer: bool) -> InstanceSecrets | None:
    """The instance's secrets, or nothing if it does not have them all yet.

    :param password: the one of the deployment settings, which counts before the generated one.
    """
    names = [CLIENT_KEY, f"{CLIENT_KEY}.pub", HOST_KEY, f"{HOST_KEY}.pub", PASSWORD]
    names += [ISSUER_JWKS, CLIENT_SECRET, CRYPTO_PASSPHRASE] if local_issuer else []
    if not all((directory / name).exists() for name in names):
        return None
    texts = {name: (directory / name).read_text() for name in names}
    return InstanceSecrets(
        password=password or texts[PASSWORD].strip(),
        client_key=texts[CLIENT_KEY],
        client_public=texts[f"{CLIENT_KEY}.pub"].strip(),
        host_key=texts[HOST_KEY],
        host_public=texts[f"{HOST_KEY}.pub"].strip(),
        issuer_jwks=texts.get(ISSUER_JWKS, ""),
        client_secret=texts.get(CLIENT_SECRET, ""),
        crypto_passphrase=texts.get(CRYPTO_PASSPHRASE, ""),
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
