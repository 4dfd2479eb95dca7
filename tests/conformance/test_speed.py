"""Building in the process is faster than starting kubectl."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from brics_envs.kustomize import build, dump
from tests.conformance.table import ask_kubectl, overlays


def measure(action: Callable[[], object]) -> float:
    """Median of five runs, in seconds."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return median(times)


@pytest.mark.parametrize("overlay", overlays(), ids=lambda path: path.name)
def test_faster_than_kubectl(overlay: Path, kubectl: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ours takes less time than one run of kubectl."""
    ours, theirs = measure(lambda: dump(build(overlay))), measure(lambda: ask_kubectl(overlay))
    with capsys.disabled():
        print(
            f"\n{overlay.name}: {ours * 1000:.1f} ms, kubectl {theirs * 1000:.1f} ms, ratio {ours / theirs:.2f}"
        )
    assert ours < theirs
