"""What the commands need to know of an instance that runs; it is kept with the pod. Pure. May import: plan."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from brics_envs.plan.desired import DesiredState


@dataclass(frozen=True)
class Record:
    """What an instance was made as.

    ``url`` is where users of this machine find JupyterHub (empty: they come through a tunnel), ``base_url`` its path,
    ``issuer`` the local issuer's URL (empty: there is none), ``account`` a ``<USER>.<PROJECT>`` in whose name the hub
    may ask Slurm for a job (empty: none is known), ``slurm_host`` the host that it asks, ``wrappers`` the directory of
    the wrapper scripts there.
    """

    environment: str
    url: str
    base_url: str
    issuer: str
    account: str
    slurm_host: str
    wrappers: str

    def to_json(self) -> str:
        """As it stands in the pod's annotation."""
        return json.dumps(asdict(self))


def record_of(desired: DesiredState) -> Record:
    """The record of an instance that is made from its desired state."""
    return Record(
        environment=desired.environment.name,
        url=desired.url,
        base_url=desired.base_url,
        issuer=desired.issuer_url,
        account=desired.dev_users[0].account if desired.dev_users else "",
        slurm_host=desired.settings.sshHostname,
        wrappers=desired.settings.slurmSpawnerWrappersBin,
    )


def parse_record(text: str) -> Record | None:
    """The record in a JSON text, as :meth:`Record.to_json` or an older version wrote it; none if it is not one."""
    try:
        values = json.loads(text)
        return Record(**{name: str(values[name]) for name in Record.__dataclass_fields__})
    except (ValueError, TypeError, KeyError):
        return None
