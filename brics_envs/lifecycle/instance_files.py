"""The generated files of an instance, in ``_build/NAME``. May import: errors, config, plan, effects."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from brics_envs.effects.files import write_private
from brics_envs.effects.keys import make_key_pair, make_password
from brics_envs.plan.manifest import InstanceSecrets

MANIFEST = "jh_slurm_pod.yaml"
PASSWORD = "password"  # noqa: S105 - a file's name
CLIENT_KEY = "ssh_client_key"
HOST_KEY = "ssh_host_ed25519_key"
APPLIED = "applied.json"


@dataclass(frozen=True)
class Applied:
    """What an instance was made from.

    ``account`` is a ``<USER>.<PROJECT>`` in whose name the hub may ask Slurm for a job (empty: none is known),
    ``wrappers`` the directory of the wrapper scripts, ``digests`` what the user would call an input → digest.
    """

    environment: str
    url: str
    account: str
    wrappers: str
    digests: dict[str, str]


def make_secrets(directory: Path) -> None:
    """Make the secrets that the instance does not have yet: two SSH key pairs and a password, 0600 each."""
    for name, comment in ((CLIENT_KEY, "jupyterhub"), (HOST_KEY, "slurm")):
        if not (directory / name).exists():
            pair = make_key_pair(comment)
            # The private key last: it is there only if both are.
            write_private(directory / f"{name}.pub", f"{pair.public}\n".encode())
            write_private(directory / name, pair.private)
    if not (directory / PASSWORD).exists():
        write_private(directory / PASSWORD, make_password().encode())


def load_secrets(directory: Path, password: str | None) -> InstanceSecrets | None:
    """The instance's secrets, or nothing if it has none yet.

    :param password: the one of the deployment settings, which counts before the generated one.
    """
    names = (CLIENT_KEY, f"{CLIENT_KEY}.pub", HOST_KEY, f"{HOST_KEY}.pub", PASSWORD)
    if not all((directory / name).exists() for name in names):
        return None
    client, client_public, host, host_public, generated = ((directory / name).read_text() for name in names)
    return InstanceSecrets(
        password=password or generated.strip(),
        client_key=client,
        client_public=client_public.strip(),
        host_key=host,
        host_public=host_public.strip(),
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
