"""What the commands need to know of an instance that runs; it is kept with the pod. Pure. May import: plan."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from brics_envs.plan.desired import DesiredState
from brics_envs.plan.ports import ISSUER_OFFSET


@dataclass(frozen=True)
class Record:
    """What an instance was made as.

    ``url`` is where users of this machine find JupyterHub (empty: they come through a tunnel), ``base_url`` its path,
    ``issuer`` the local issuer's URL (empty: there is none), ``account`` a ``<USER>.<PROJECT>`` in whose name the hub
    may ask Slurm for a job (empty: none is known), ``slurm_host`` the host that it asks, ``wrappers`` the directory of
    the wrapper scripts there, ``forwarded`` the sign-in port of this machine, if ``url`` names another (publicUrl).
    """

    environment: str
    url: str
    base_url: str
    issuer: str
    account: str
    slurm_host: str
    wrappers: str
    forwarded: str = ""

    @property
    def ports(self) -> dict[str, int]:
        """Host and port as in URLs → the port of this machine's loopback, where they are not the same."""
        if not self.forwarded:
            return {}
        sign_in = int(self.forwarded)
        return {urlsplit(self.url).netloc: sign_in, urlsplit(self.issuer).netloc: sign_in + ISSUER_OFFSET}

    def to_json(self) -> str:
        """As it stands in the pod's annotation."""
        # What older versions did not have is left out if it says nothing: their pods stay what they are.
        return json.dumps(
            {name: value for name, value in asdict(self).items() if value or name != "forwarded"}
        )


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
        forwarded=str(desired.ports.http) if desired.is_forwarded else "",
    )


def parse_record(text: str) -> Record | None:
    """The record in a JSON text, as :meth:`Record.to_json` or an older version wrote it; none if it is not one."""
    try:
        values = json.loads(text)
        values = {"forwarded": "", **values}
        return Record(**{name: str(values[name]) for name in Record.__dataclass_fields__})
    except (ValueError, TypeError, KeyError):
        return None
