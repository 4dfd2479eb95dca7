"""Compare the merge of every overlay with `kubectl kustomize`, in turn. Both are commands, so both pay their start."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from pykustomize.tests.conformance.table import KUBECTL
from tests.benchmarks.figures import Figure, Outcome
from tests.conformance.overlays import ROOT, overlays
from tests.support.world import World

ROUNDS = 5
OURS = (sys.executable, "-m", "pykustomize")
THEIRS = (str(KUBECTL), "kustomize")


def seconds(command: tuple[str, ...], overlay: Path) -> float:
    """Seconds that a command takes for an overlay; it must succeed."""
    began = time.monotonic()
    subprocess.run([*command, str(overlay)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def measure(_: World) -> Outcome:
    """Measure both, alternating, so that both meet the same noise."""
    ours, theirs = 0.0, 0.0
    for overlay in overlays():
        pairs = [(seconds(OURS, overlay), seconds(THEIRS, overlay)) for _ in range(ROUNDS)]
        medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
        ours, theirs = ours + medians[0], theirs + medians[1]
    return Outcome(
        [
            Figure("merge of all overlays", ours, "s"),
            Figure("merge", ours / theirs, compared_with="kubectl kustomize"),
        ]
    )
