"""The table of faults: every row is run on the running pod, and is a line of ``docs/faults.md``."""

from __future__ import annotations

from collections.abc import Mapping

from tests.integration.faults.fault import Fault
from tests.integration.faults.rows import daemons, way_to_slurm

FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "Slurm's daemons": daemons.ROWS,
    "The way to Slurm": way_to_slurm.ROWS,
}
"""What it concerns → rows."""
