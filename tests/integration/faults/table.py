"""The table of faults: every row is run on the running pod, and is a line of ``docs/faults.md``."""

from __future__ import annotations

from collections.abc import Mapping

from tests.integration.faults.fault import Fault
from tests.integration.faults.rows import (
    daemons,
    front,
    owner,
    servers,
    site,
    state,
    submission,
    tokens,
    volumes,
    way_to_slurm,
)

FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "The hub and what is in front of it": front.ROWS,
    "Servers and their jobs": servers.ROWS,
    "Submission": submission.ROWS,
    "Slurm's daemons": daemons.ROWS,
    "The way to Slurm": way_to_slurm.ROWS,
    "Tokens and their keys": tokens.ROWS,
    "A site's own rules": site.ROWS,
    "Database and homes": state.ROWS,
    "The owner's commands, and other people's things": owner.ROWS,
    # The last: podman removes the unlabelled volumes of an older version's pod with the instance alone.
    "Volumes": volumes.ROWS,
}
"""What it concerns → rows."""
