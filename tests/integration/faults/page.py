"""The table of faults as a page of the documentation: ``python -m tests.integration.faults.page`` writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.integration.faults.checks import READY, SETS
from tests.integration.faults.fault import Check, Fault
from tests.integration.faults.table import FAULTS

PAGE = Path(__file__).parents[3] / "docs/faults.md"

HEAD = """\
# Faults

What goes wrong, what is expected then, and what the tests look at on a running pod: `dev_realauth` with a user at work,
who is signed in, has a server in a Slurm job, and a kernel that holds a variable. After every row {ready} again,
before anything else is looked at.

`nox -s integration -- tests/integration/faults -k NAME` tries a row. Those with a star: `nox -s full`.

Written by `python -m tests.integration.faults.page` from `tests/integration/faults/rows`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD.format(ready=READY.words), *_sets(), *_tables()])


def _sets() -> Iterator[str]:
    for name, checks in SETS.items():
        yield f"**{name[0].upper()}{name[1:]}** stands for:\n"
        yield from (f"- {one.words};" for one in checks[:-1])
        yield f"- {checks[-1].words}.\n"


def _tables() -> Iterator[str]:
    for area, faults in FAULTS.items():
        yield f"## {area}\n"
        yield "| Name | Fault | Expected | Looked at meanwhile | Looked at afterwards |"
        yield "|---|---|---|---|---|"
        yield from map(_row, faults)
        yield ""


def _row(fault: Fault) -> str:
    star = " \\*" if fault.full else ""
    cells = (f"`{fault.name}`{star}", fault.done, fault.expected, _words(fault.during), _after(fault.after))
    return f"| {' | '.join(cells)} |"


def _after(checks: Sequence[Check]) -> str:
    for name, standard in SETS.items():
        if tuple(checks[: len(standard)]) == standard:
            return "; ".join(filter(None, [f"**{name}**", _words(checks[len(standard) :])]))
    return _words(checks)


def _words(checks: Iterable[Check]) -> str:
    return "; ".join(one.words for one in checks)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
