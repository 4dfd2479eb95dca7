"""The record of what an instance was made from, in ``_build/NAME``. May import: plan, effects."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from brics_envs.effects.files import write_private
from brics_envs.plan.desired import DesiredState

MANIFEST = "jh_slurm_pod.yaml"
"""The rendered manifest's file, beside the record."""

APPLIED = "applied.json"


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


def applied_from(desired: DesiredState, digests: dict[str, str]) -> Applied:
    """The record of an instance that was made from its desired state."""
    return Applied(
        environment=desired.environment.name,
        url=desired.url,
        base_url=desired.base_url,
        issuer=desired.issuer_url,
        account=desired.dev_users[0].account if desired.dev_users else "",
        slurm_host=desired.settings.sshHostname,
        wrappers=desired.settings.slurmSpawnerWrappersBin,
        digests=digests,
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
