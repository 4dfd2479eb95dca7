"""The project's overlays, built by us and by kubectl: the same documents, sooner."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from pykustomize import build, dump
from pykustomize.tests.conformance.table import ask_kubectl
from tests.conformance.overlays import EXPECTED, expected_path, overlays


@pytest.mark.parametrize("overlay", overlays(), ids=lambda path: path.name)
def test_both_print_what_is_expected(overlay: Path, kubectl: Path) -> None:
    """All three agree."""
    printed = ask_kubectl(overlay)
    assert dump(build(overlay)) == printed
    assert expected_path(overlay).read_text(encoding="utf-8") == printed


def test_no_overlay_is_left_over() -> None:
    """Nothing is expected of an overlay that is gone."""
    assert set(EXPECTED.iterdir()) == set(map(expected_path, overlays()))


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
