"""The table of faults: every row is run on the running pod, and is a line of ``docs/faults.md``."""

from __future__ import annotations

from collections.abc import Mapping

from tests.integration.faults.fault import Fault
from tests.integration.faults.rows import daemons, front, servers, way_to_slurm

FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "The hub and what is in front of it": front.ROWS,
    "Servers and their jobs": servers.ROWS,
    "Slurm's daemons": daemons.ROWS,
    "The way to Slurm": way_to_slurm.ROWS,
}
"""What it concerns → rows."""
