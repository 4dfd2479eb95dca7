"""What is counted of Slurm's commands, and why they fail."""

from __future__ import annotations

import asyncio

import pytest
from bricsauthenticator import commands, metrics
from prometheus_client import REGISTRY


def value(name: str, **labels: str) -> float:
    found = REGISTRY.get_sample_value(name, labels)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("exit 255", "ssh"),
        ("exit 124", "timeout"),
        ("sleep 60", "timeout"),
        ("exit 1", "command"),
        ("echo slurm_load_jobs error: Invalid job id specified >&2; exit 1", None),
        ("true", None),
    ],
)
def test_a_command_is_timed_and_its_failure_counted(line: str, reason: str | None) -> None:
    def failures() -> dict[str, float]:
        name = "brics_slurm_command_failures_total"
        return {why: value(name, command="query", reason=why) for why in ("ssh", "timeout", "command")}

    before, count = failures(), "brics_slurm_command_duration_seconds_count"
    timed = value(count, command="query")
    try:
        with metrics.timed("query"):
            asyncio.run(commands.run(line, stdin="", environment={"PATH": "/bin:/usr/bin"}, time_limit=0.5))
    except commands.CommandError:
        pass
    assert value(count, command="query") == timed + 1
    assert failures() == {why: number + (why == reason) for why, number in before.items()}
