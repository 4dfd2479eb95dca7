"""How the age and the origin of an image are shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from brics_envs.plan.image_facts import OLD_DAYS, ImageFacts, image_facts

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LABELS = {
    "org.opencontainers.image.base.name": "localhost/brics_slurm_base:trixie",
    "brics.base-created": "2026-11-14T12:00:00Z",
    "brics.debian": "trixie 2026-11-13T09:30:00Z",
}


def test_all_that_is_known_is_said() -> None:
    facts = image_facts("0123", "2026-11-25T12:00:00Z", LABELS)
    assert facts.words(NOW) == (
        "1 day old, on localhost/brics_slurm_base:trixie (12 days old), Debian trixie as of 2026-11-13"
    )


def test_nothing_is_made_up() -> None:
    assert ImageFacts("0123", "2026-11-26T11:00:00Z").words(NOW) == "made today"
    assert image_facts("0", "2026-11-20T12:00:00Z", {"brics.debian": "trixie"}).words(NOW) == (
        "6 days old, Debian trixie"
    )


@pytest.mark.parametrize(
    ("created", "old"), [("2026-10-27T12:00:00Z", False), ("2026-10-26T11:00:00Z", True)]
)
def test_old_is_what_is_older_than_a_month(created: str, old: bool) -> None:
    assert OLD_DAYS == 30
    assert ImageFacts("0", created).is_old(NOW) == old
