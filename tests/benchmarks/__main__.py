"""Run benchmarks and show their figures: ``python -m tests.benchmarks [--to DIR] [NAME ...]``, or ``nox -s bench``.

A benchmark that fails does not lose the others' figures; the exit status is 1 then. DIR (test-artefacts/bench unless
told otherwise) gets the figures as JSON and as a page, and curves as SVG; what it has of other benchmarks stays. The
documentation shows docs/performance. All of it happens in a podman storage of its own, which is removed in the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from tests.benchmarks import cold_up, crowd, images, live, merge, polls, server_start, ssh, warm_up
from tests.benchmarks.charts import write_charts
from tests.benchmarks.figures import Outcome, Result, as_markdown, as_text
from tests.benchmarks.machine import this_machine
from tests.support.world import World, world

ROOT = Path(__file__).resolve().parents[2]
FIGURES = "figures.json"
RESULT = TypeAdapter(Result)

Benchmarks = Mapping[str, Callable[[World], Outcome]]
"""What is measured → what measures it, with a checkout of its own."""

BENCHMARKS: Benchmarks = {
    "merge": merge.measure,
    "cold-up": cold_up.measure,
    "warm-up": warm_up.measure,
    "images": images.measure,
    "live": live.measure,
    "server-start": server_start.measure,
    "ssh": ssh.measure,
    "polls": polls.measure,
    "crowd": crowd.measure,
}


def run(benchmarks: Benchmarks) -> dict[str, Result]:
    """Run each; what is wrong with one, whatever it is, is its own."""
    results = {}
    with world(with_images=True, name="bench") as own:
        for name, measure in benchmarks.items():
            print(f"{name} ...", file=sys.stderr, flush=True)
            machine = this_machine()
            try:
                outcome = measure(own.copied(own.root.parent / name))
            except Exception as error:
                traceback.print_exc()
                outcome = Outcome(failure=f"{type(error).__name__}: {error}")
            results[name] = Result(machine, outcome)
    return results


def write(directory: Path, results: Mapping[str, Result]) -> None:
    """Write all that is known: JSON, and a page of documentation."""
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        {name: asdict(result) for name, result in results.items()}, indent=2, ensure_ascii=False
    )
    (directory / FIGURES).write_text(f"{text}\n", encoding="utf-8")
    (directory / "figures.md").write_text(as_markdown(results, directory.name), encoding="utf-8")


def earlier(directory: Path) -> dict[str, Result]:
    """What was written before, of the benchmarks that there still are."""
    file = directory / FIGURES
    written = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {name: RESULT.validate_python(result) for name, result in written.items() if name in BENCHMARKS}


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
    new = run({name: BENCHMARKS[name] for name in given.names or BENCHMARKS})
    known = earlier(given.to) | new
    write(given.to, {name: known[name] for name in BENCHMARKS if name in known})
    write_charts(given.to, new)
    print(as_text(new), end="")
    return int(any(result.outcome.failure for result in new.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
