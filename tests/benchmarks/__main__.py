"""Run benchmarks and show their figures: ``python -m tests.benchmarks [--to DIR] [NAME ...]``, or ``nox -s bench``.

A benchmark that fails does not lose the others' figures; the exit status is 1 then. Figures go to DIR
(test-artefacts/bench unless told otherwise) as JSON; those of a run of all of them also go into the documentation.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks import merge
from tests.benchmarks.figures import Figure, Outcome, as_markdown, as_text
from tests.benchmarks.machine import Machine, this_machine

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/performance"

Benchmarks = Mapping[str, Callable[[], Sequence[Figure]]]
BENCHMARKS: Benchmarks = {"merge": merge.measure}


def run(benchmarks: Benchmarks) -> dict[str, Outcome]:
    """Run each; what is wrong with one, whatever it is, is its own."""
    outcomes = {}
    for name, measure in benchmarks.items():
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            outcomes[name] = Outcome(figures=measure())
        except Exception as error:
            traceback.print_exc()
            outcomes[name] = Outcome(failure=f"{type(error).__name__}: {error}")
    return outcomes


def write_json(directory: Path, machine: Machine, outcomes: Mapping[str, Outcome]) -> None:
    """Write all there is to know of a run."""
    directory.mkdir(parents=True, exist_ok=True)
    benchmarks = {name: asdict(outcome) for name, outcome in outcomes.items()}
    text = json.dumps({"machine": asdict(machine), "benchmarks": benchmarks}, indent=2, ensure_ascii=False)
    (directory / "figures.json").write_text(f"{text}\n", encoding="utf-8")


def write_page(directory: Path, machine: Machine, outcomes: Mapping[str, Outcome]) -> None:
    """Write what docs/performance.md includes."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "figures.md").write_text(f"{machine}\n\n{as_markdown(outcomes)}", encoding="utf-8")


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
    write_json(given.to, machine, outcomes)
    if not given.names:
        write_page(PAGES, machine, outcomes)
    print(f"{machine}\n\n{as_text(outcomes)}", end="")
    return int(any(outcome.failure for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
