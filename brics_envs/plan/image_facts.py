"""How old an image is, and what it is made of, in words. Pure. May import: plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from brics_envs.plan.names import LABEL_BASE, LABEL_BASE_CREATED, LABEL_DEBIAN

OLD_DAYS = 30
"""Days after which an image should take security updates; Debian's point releases come about every 60 days."""


@dataclass(frozen=True)
class ImageFacts:
    """An image; times in RFC 3339, ``debian`` release and state of the mirror; each empty if it is not known."""

    id: str
    created: str
    base: str = ""
    base_created: str = ""
    debian: str = ""

    def words(self, now: datetime) -> str:
        """For the user, with ages at that time."""
        parts = [_age(self.created, now)]
        if self.base:
            parts.append(
                f"on {self.base}" + (f" ({_age(self.base_created, now)})" if self.base_created else "")
            )
        if self.debian:
            suite, _, date = self.debian.partition(" ")
            parts.append(f"Debian {suite}" + (f" as of {date[:10]}" if date else ""))
        return ", ".join(parts)

    def is_old(self, now: datetime) -> bool:
        """Whether it was made so long ago that it should take security updates."""
        return _days(self.created, now) > OLD_DAYS


def image_facts(image_id: str, created: str, labels: Mapping[str, str]) -> ImageFacts:
    """What an image's labels tell."""
    return ImageFacts(
        image_id,
        created,
        labels.get(LABEL_BASE, ""),
        labels.get(LABEL_BASE_CREATED, ""),
        labels.get(LABEL_DEBIAN, ""),
    )


def _age(time: str, now: datetime) -> str:
    days = _days(time, now)
    return f"{days} day{'' if days == 1 else 's'} old" if days else "made today"


def _days(time: str, now: datetime) -> int:
    return max((now - datetime.fromisoformat(time)).days, 0)
