"""Which lines of logs are shown, and what a shell in a container runs."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from brics_envs.config.moments import moment_of, parse_since
from brics_envs.config.options import parse_tail
from brics_envs.errors import ConfigError
from brics_envs.plan.log_lines import SinceThen, Wanted, without_colours
from brics_envs.plan.shell import shell_command

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)

LOG = """[I 2026-01-31T11:00:00Z.123 JupyterHub app:1] first
[E 2026-01-31T11:30:00Z.000 JupyterHub app:2] second
Traceback: of the second
[2026-01-31T11:59:59.5] last"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("10m", NOW - timedelta(minutes=10)),
        ("2h", NOW - timedelta(hours=2)),
        ("1d", NOW - timedelta(days=1)),
        ("2026-01-31T11:00:00", NOW - timedelta(hours=1)),
        ("2026-01-31T12:00:00+01:00", NOW - timedelta(hours=1)),
        ("", None),
    ],
)
def test_moments(given: str, expected: datetime | None) -> None:
    assert parse_since(given, NOW) == expected


@pytest.mark.parametrize("given", ["yesterday", "10", "-5m", "999999999d", "10m; rm", "2026-13-01T00:00:00"])
def test_what_is_no_moment_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="is not a time"):
        parse_since(given, NOW)


def test_number_of_lines() -> None:
    assert parse_tail("") is None
    assert parse_tail("0") == 0
    with pytest.raises(ConfigError, match="--tail: '-1'"):
        parse_tail("-1")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), LOG),
        (Wanted(tail=1), "[2026-01-31T11:59:59.5] last"),
        (Wanted(tail=0), ""),
        (Wanted(tail=10), LOG),
        (Wanted(since=NOW - timedelta(hours=1)), LOG),
        (Wanted(since=NOW - timedelta(minutes=30, microseconds=-5)), LOG.partition("\n")[2]),
        (Wanted(since=NOW), ""),
        (Wanted(tail=2, since=NOW - timedelta(minutes=40)), "\n".join(LOG.splitlines()[-2:])),
    ],
)
def test_lines_of_a_file(wanted: Wanted, expected: str) -> None:
    assert wanted.of(LOG, NOW) == expected


def test_a_file_without_times_is_shown_if_it_has_changed_since() -> None:
    wanted = Wanted(since=NOW)
    assert wanted.of("one\ntwo", NOW + timedelta(seconds=5)) == "one\ntwo"
    assert wanted.of("one\ntwo", NOW - timedelta(seconds=5)) == ""


def test_followed_files_begin_at_the_moment_each() -> None:
    lines = [
        "==> a.log <==",
        "[2026-01-31T11:00:00] old",
        "[2026-01-31T12:00:00] new",
        "==> b.log <==",
        "[2026-01-31T11:00:00] old",
        "==> a.log <==",
        "a line without a time",
    ]
    then = SinceThen(NOW)
    assert [line for line in lines if then.wants(line)] == [lines[n] for n in (0, 2, 3, 5, 6)]
    everything = SinceThen(None)
    assert all(everything.wants(line) for line in lines)


def test_colours_are_taken_out() -> None:
    assert without_colours("\x1b[34m[I 12:00]\x1b[m text") == "[I 12:00] text"


def test_moments_in_lines() -> None:
    assert moment_of("[I 2026-01-31T12:00:00Z.123 x] y") == NOW
    assert moment_of("2026-01-31 12:00:00.000000000  sshd: y") == NOW
    assert moment_of("no time") is None
    assert moment_of("[2026-99-31T12:00:00] x") is None


def test_a_shell_keeps_the_images_programs_on_path_and_begins_at_home(tmp_path: Path) -> None:
    """The command itself, on this machine."""

    def lines(container: str, *, at_home: bool) -> list[str]:
        environment = {"PATH": f"/srv/image:{os.environ['PATH']}", "HOME": str(tmp_path)}
        command = shell_command(container, at_home=at_home)
        program = 'pwd; echo "$PATH"; echo "${BRICS_PATH-unset}"; exit 3\n'
        done = subprocess.run(
            command, input=program, capture_output=True, text=True, env=environment, cwd="/"
        )
        assert done.returncode == 3, done.stderr
        return done.stdout.splitlines()

    directory, path, rest = lines("jupyterhub", at_home=False)
    assert (directory, path.split(":")[0], rest) == ("/", "/srv/image", "unset")
    directory, path, _ = lines("slurm", at_home=True)
    assert directory == str(tmp_path)
    assert path.split(":")[:3] == ["/opt/slurmspawner_wrappers/bin", "/opt/jupyter/bin", "/srv/image"]
