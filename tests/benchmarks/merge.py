"""Compare the merge of every overlay with `kubectl kustomize`, in turn.

    .venv/bin/python -m tests.benchmarks.merge [ROUNDS]

Both are commands of their own, so that both pay for their start.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from pykustomize.tests.conformance.table import KUBECTL
from tests.benchmarks.figures import Figure, Outcome, as_text
from tests.conformance.overlays import ROOT, overlays

ROUNDS = 5
OURS = (sys.executable, "-m", "pykustomize")
THEIRS = (str(KUBECTL), "kustomize")


def seconds(command: tuple[str, ...], overlay: Path) -> float:
    """Seconds that a command takes for an overlay; it must succeed."""
    began = time.monotonic()
    subprocess.run([*command, str(overlay)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measure both, alternating, so that both meet the same noise."""
    ours, theirs = 0.0, 0.0
    for overlay in overlays():
        pairs = [(seconds(OURS, overlay), seconds(THEIRS, overlay)) for _ in range(rounds)]
        medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
        ours, theirs = ours + medians[0], theirs + medians[1]
    return [
        Figure("merge of all overlays", ours, "s"),
        Figure("merge", ours / theirs, compared_with="kubectl kustomize"),
    ]


if __name__ == "__main__":
    print(as_text({"merge": Outcome(measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))}), end="")
