"""Run benchmarks and show their figures: ``python -m tests.benchmarks [--to DIR] [NAME ...]``, or ``nox -s bench``.

A benchmark that fails does not lose the others' figures; the exit status is 1 then. Figures go to DIR
(test-artefacts/bench unless told otherwise) as JSON, curves as SVG; those of a run of all benchmarks also go into the
documentation. All of it happens in a podman storage of its own, which is removed in the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks import cold_up, crowd, images, live, merge, polls, server_start, warm_up
from tests.benchmarks.charts import write_charts
from tests.benchmarks.figures import Outcome, as_markdown, as_text
from tests.benchmarks.machine import Machine, this_machine
from tests.support.world import World, world

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/performance"

Benchmarks = Mapping[str, Callable[[World], Outcome]]
"""What is measured → what measures it, with a checkout of its own."""

BENCHMARKS: Benchmarks = {
    "merge": merge.measure,
    "cold-up": cold_up.measure,
    "warm-up": warm_up.measure,
    "images": images.measure,
    "live": live.measure,
    "server-start": server_start.measure,
    "polls": polls.measure,
    "crowd": crowd.measure,
}


def run(benchmarks: Benchmarks) -> dict[str, Outcome]:
    """Run each; what is wrong with one, whatever it is, is its own."""
    outcomes = {}
    with world(with_images=True, name="bench") as own:
        for name, measure in benchmarks.items():
            print(f"{name} ...", file=sys.stderr, flush=True)
            try:
                outcomes[name] = measure(own.copied(own.root.parent / name))
            except Exception as error:
                traceback.print_exc()
                outcomes[name] = Outcome(failure=f"{type(error).__name__}: {error}")
    return outcomes


def write_files(directory: Path, machine: Machine, outcomes: Mapping[str, Outcome]) -> None:
    """Write all there is to know of a run."""
    directory.mkdir(parents=True, exist_ok=True)
    benchmarks = {name: asdict(outcome) for name, outcome in outcomes.items()}
    text = json.dumps({"machine": asdict(machine), "benchmarks": benchmarks}, indent=2, ensure_ascii=False)
    (directory / "figures.json").write_text(f"{text}\n", encoding="utf-8")
    write_charts(directory, outcomes)


def write_page(directory: Path, machine: Machine, outcomes: Mapping[str, Outcome]) -> None:
    """Write what docs/performance.md includes."""
    directory.mkdir(parents=True, exist_ok=True)
    page = f"{machine}\n\n{as_markdown(outcomes, directory.name)}"
    (directory / "figures.md").write_text(page, encoding="utf-8")
    write_charts(directory, outcomes)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that are named, or all of them.

    :returns: the exit status: 0, or 1 if one failed.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}")
    parser.add_argument("--to", type=Path, default=ROOT / "test-artefacts/bench", metavar="DIR")
    given = parser.parse_args(arguments)
    if unknown := sorted({*given.names} - {*BENCHMARKS}):
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    machine = this_machine()
    outcomes = run({name: BENCHMARKS[name] for name in given.names or BENCHMARKS})
    write_files(given.to, machine, outcomes)
    if not given.names:
        write_page(PAGES, machine, outcomes)
    print(f"{machine}\n\n{as_text(outcomes)}", end="")
    return int(any(outcome.failure for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
