"""What a benchmark returns, and how it is shown: as a table, in the terminal and in the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.machine import Machine


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
        goal = "" if self.goal is None else f"≤ {self.goal:.3g}"
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


@dataclass(frozen=True)
class Result:
    """A benchmark's outcome, and the machine as it was before it."""

    machine: Machine
    outcome: Outcome


HEADINGS = ("Benchmark", "Figure", "Value", "Compared with", "Goal")


def rows(results: Mapping[str, Result]) -> Iterable[tuple[str, ...]]:
    """The table's rows; a benchmark that failed has one that says so."""
    for name, result in results.items():
        if result.outcome.failure:
            yield (name, "failed", "", "", "")
        for figure in result.outcome.figures:
            yield (name, *figure.cells)


def as_text(results: Mapping[str, Result]) -> str:
    """The machine, and the table for a terminal."""
    table = [HEADINGS, *rows(results)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)
    return f"{machines(results)}\n" + "".join(f"{line}\n" for line in lines)


def as_markdown(results: Mapping[str, Result], folder: str) -> str:
    """The machine, the table and the curves for the documentation, whose pictures are in ``folder``."""
    table = [HEADINGS, ("---",) * len(HEADINGS), *rows(results)]
    lines = "".join(f"| {' | '.join(row)} |\n" for row in table)
    curves = (curve for result in results.values() for curve in result.outcome.curves)
    pictures = "".join(f"\n![{curve.title}]({folder}/{curve.name}.svg)\n" for curve in curves)
    return f"{machines(results)}\n{lines}{pictures}"


def machines(results: Mapping[str, Result]) -> str:
    """A line for each state of a machine: what was measured in it."""
    names: dict[str, list[str]] = {}
    for name, result in results.items():
        names.setdefault(str(result.machine), []).append(name)
    return "".join(f"- {', '.join(measured)}: {machine}\n" for machine, measured in names.items())
