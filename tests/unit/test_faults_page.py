"""The page of faults says what the table has."""

from __future__ import annotations

from itertools import chain

from tests.integration.faults.page import PAGE, page
from tests.integration.faults.table import FAULTS


def test_page_is_what_the_table_gives() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.integration.faults.page"


def test_there_are_enough() -> None:
    assert sum(map(len, FAULTS.values())) >= 30


def test_every_row_checks_something_and_has_a_name_of_its_own() -> None:
    rows = list(chain.from_iterable(FAULTS.values()))
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert row.during or row.after, row.name
