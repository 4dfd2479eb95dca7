"""Draw curves as SVG files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pygal

from tests.benchmarks.figures import Curve, Result


def chart(curve: Curve) -> bytes:
    """The curve as an SVG; without pygal's scripts, which would be fetched from elsewhere."""
    drawn = pygal.XY(
        js=(), title=curve.title, x_title=curve.number, include_x_axis=True, legend_at_bottom=True
    )
    for name, values in curve.lines.items():
        drawn.add(name, [*zip(curve.at, values, strict=True)])
    svg: bytes = drawn.render()
    return svg


def write_charts(directory: Path, results: Mapping[str, Result]) -> None:
    """Write a file for each curve."""
    for result in results.values():
        for curve in result.outcome.curves:
            (directory / f"{curve.name}.svg").write_bytes(chart(curve))
