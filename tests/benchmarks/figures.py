"""What a benchmark returns, and how it is shown: as a table, in the terminal and in the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure.

    :param name: what was measured.
    :param unit: the unit of ``value``; empty for a ratio.
    :param compared_with: what a ratio compares with.
    :param goal: the most that ``value`` may be; None if there is no such goal.
    """

    name: str
    value: float
    unit: str = ""
    compared_with: str = ""
    goal: float | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """Its cells in the table."""
        goal = "" if self.goal is None else f"≤ {self.goal:g}"
        return (self.name, f"{self.value:.2f} {self.unit}".strip(), self.compared_with, goal)


@dataclass(frozen=True)
class Curve:
    """How figures grow with a number.

    :param name: of its file, without the ending.
    :param number: what is counted along the x-axis.
    :param at: these numbers.
    :param lines: name of a line → its value at each of them.
    """

    name: str
    title: str
    number: str
    at: Sequence[int]
    lines: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Outcome:
    """What became of one benchmark: its figures and curves, or why it failed."""

    figures: Sequence[Figure] = ()
    curves: Sequence[Curve] = ()
    failure: str = ""


HEADINGS = ("Benchmark", "Figure", "Value", "Compared with", "Goal")


def rows(outcomes: Mapping[str, Outcome]) -> Iterable[tuple[str, ...]]:
    """The table's rows; a benchmark that failed has one that says so."""
    for name, outcome in outcomes.items():
        if outcome.failure:
            yield (name, "failed", "", "", "")
        for figure in outcome.figures:
            yield (name, *figure.cells)


def as_text(outcomes: Mapping[str, Outcome]) -> str:
    """The table for a terminal."""
    table = [HEADINGS, *rows(outcomes)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)
    return "".join(f"{line}\n" for line in lines)


def as_markdown(outcomes: Mapping[str, Outcome], folder: str) -> str:
    """The table and the curves for the documentation, whose pictures are in ``folder``."""
    table = [HEADINGS, ("---",) * len(HEADINGS), *rows(outcomes)]
    lines = "".join(f"| {' | '.join(row)} |\n" for row in table)
    curves = (curve for outcome in outcomes.values() for curve in outcome.curves)
    return lines + "".join(f"\n![{curve.title}]({folder}/{curve.name}.svg)\n" for curve in curves)
