"""Moments as the command line names them, and as logs have them. May import: errors."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from brics_envs.errors import ConfigError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_IN_LOGS = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")


def parse_since(value: str, now: datetime) -> datetime | None:
    """The value of ``--since``: a number with its unit before now, or a date and time (UTC unless it says so).

    :returns: a moment, in UTC; none if the value is empty.
    :raises ConfigError: it is neither.
    """
    if not value:
        return None
    try:
        if match := re.fullmatch(r"([0-9]{1,9})([smhd])", value):
            return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"--since: {value!r} is not a time",
            hint="give a duration before now, such as 90s, 10m, 2h or 1d, or "
            "a date and time, such as 2026-01-31T12:00:00 (UTC)",
        ) from None


def moment_of(line: str) -> datetime | None:
    """When a line of a log was written, to the second, in UTC as containers have it; none if it does not say."""
    match = _IN_LOGS.search(line[:60])
    try:
        return datetime.fromisoformat(match[0]).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None
