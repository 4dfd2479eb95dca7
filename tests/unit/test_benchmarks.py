"""A run of benchmarks: what fails is shown as such, and loses nobody else's figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as bench
from tests.benchmarks.charts import chart
from tests.benchmarks.figures import Curve, Figure, Outcome, Result, as_markdown, as_text
from tests.benchmarks.machine import Machine
from tests.support.world import World

MACHINE = Machine("2026-01-02", 2, 23.4, "6.1", "5.4.2", 1.5)
RATIO = Figure("merge", 0.5, compared_with="kubectl kustomize", goal=1)


CURVE = Curve("polls", "What servers cost", "servers", (1, 10), {"queries": (2.0, 2.5)})


def broken(_: World) -> Outcome:
    raise AssertionError("the pod did not start")


@contextmanager
def nowhere(*, with_images: bool, name: str) -> Iterator[World]:
    """A world without a podman, whose checkouts have nothing in them."""
    yield World(Path("/nowhere/checkout"), {})


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory for the figures of two benchmarks, of which the first fails."""
    monkeypatch.setattr(bench, "BENCHMARKS", {"broken": broken, "good": lambda _: Outcome([RATIO], [CURVE])})
    monkeypatch.setattr(bench, "world", nowhere)
    monkeypatch.setattr(World, "copied", lambda own, target: World(target, own.environment))
    monkeypatch.setattr(bench, "this_machine", lambda: MACHINE)
    return tmp_path


def test_a_failure_fails_the_run_and_keeps_the_other_figures(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(["--to", str(two)]) == 1
    shown = capsys.readouterr()
    assert "the pod did not start" in shown.err
    assert [line.split() for line in shown.out.splitlines()[-2:]] == [
        ["broken", "failed"],
        ["good", "merge", "0.50", "kubectl", "kustomize", "≤", "1"],
    ]
    written = json.loads((two / "figures.json").read_text())
    assert written["good"]["machine"]["load"] == 1.5
    assert written["broken"]["outcome"]["failure"] == "AssertionError: the pod did not start"
    assert written["good"]["outcome"]["figures"][0]["value"] == 0.5
    page = (two / "figures.md").read_text()
    assert "| broken | failed |" in page
    assert f"]({two.name}/polls.svg)" in page
    assert "What servers cost" in (two / "polls.svg").read_text()


def test_one_benchmark_alone_keeps_the_figures_of_the_others(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.main(["--to", str(two), "good"]) == 0
    assert list(json.loads((two / "figures.json").read_text())) == ["good"]
    monkeypatch.setattr(bench, "this_machine", lambda: replace(MACHINE, date="2026-02-03"))
    assert bench.main(["--to", str(two), "broken"]) == 1
    assert list(json.loads((two / "figures.json").read_text())) == ["broken", "good"]
    page = (two / "figures.md").read_text()
    assert page.startswith("- broken: 2026-02-03, 2 CPUs")
    assert "- good: 2026-01-02, 2 CPUs" in page
    assert "| good | merge | 0.50 | kubectl kustomize | ≤ 1 |" in page


def test_an_unknown_name_is_refused_before_anything_runs(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--to", str(two), "god"])
    assert "no such benchmark: god; there are: broken, good" in capsys.readouterr().err
    assert not (two / "figures.json").exists()


def test_the_tables_have_all_of_a_figure() -> None:
    outcomes = {"merge": Result(MACHINE, Outcome([RATIO, Figure("all overlays", 1.234, "s")]))}
    assert "| merge | all overlays | 1.23 s |  |  |" in as_markdown(outcomes, "pictures")
    assert "| merge | merge | 0.50 | kubectl kustomize | ≤ 1 |" in as_markdown(outcomes, "pictures")
    assert "![What servers cost](pictures/polls.svg)" in as_markdown(
        {"polls": Result(MACHINE, Outcome([], [CURVE]))}, "pictures"
    )
    assert as_text(outcomes).splitlines()[2].split() == [
        "Benchmark",
        "Figure",
        "Value",
        "Compared",
        "with",
        "Goal",
    ]


def test_a_chart_needs_nothing_from_elsewhere() -> None:
    drawn = chart(CURVE).decode()
    assert "What servers cost" in drawn
    assert not re.search(r"(?:src|href)=", drawn)
