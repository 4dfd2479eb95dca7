"""The project's overlays, built by us and by kubectl: the same documents, sooner."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from pykustomize import build, dump
from pykustomize.tests.conformance.table import ask_kubectl
from tests.conformance.overlays import EXPECTED, ROOT, expected_path, overlays


@pytest.mark.parametrize("overlay", overlays(), ids=lambda path: path.name)
def test_both_print_what_is_expected(overlay: Path, kubectl: Path) -> None:
    """All three agree."""
    printed = ask_kubectl(overlay)
    assert dump(build(overlay)) == printed
    assert expected_path(overlay).read_text(encoding="utf-8") == printed


def test_a_component_on_top_is_one_more_in_the_list(kubectl: Path, tmp_path: Path) -> None:
    """As the setting slurmAccounting has it."""
    overlay = ROOT / "k8s/overlays/dev_realauth"
    copy = shutil.copytree(ROOT / "k8s", tmp_path / "k8s") / "overlays/dev_realauth"
    with (copy / "kustomization.yaml").open("a", encoding="utf-8") as listed:
        listed.write("  - ../../components/accounting\n")
    printed = ask_kubectl(copy)
    assert "name: accounting" in printed
    assert dump(build(overlay, components=["../../components/accounting"])) == printed


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
