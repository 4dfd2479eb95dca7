"""Generated command lines: bad values and unknown options are refused by every command, before anything is done."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from brics_envs.config.repos import REPOSITORIES
from brics_envs.errors import BAD_INPUT, FAILED
from tests.support.checkout import PROJECT
from tests.support.commands import invoke
from tests.support.generated_input import ODD, Chance, Commands, Ran, files_below

BAD = 250
"""So many bad command lines are tried."""

ENVIRONMENTS = (
    "dev_dummyauth",
    "dev_dummyauth_extslurm",
    "dev_realauth",
    "dev_realauth_nadir",
    "dev_realauth_zenithclient",
    "prod",
    "prod_nadir",
)

# -- whether a value is allowed, said once more and in other words than the project's own


def is_environment(value: str) -> bool:
    return value in ENVIRONMENTS


def is_port(value: str) -> bool:
    digits = set(value) <= set("0123456789") and 4 <= len(value) <= 5
    return digits and 1024 <= int(value) <= 65535


def is_instance(value: str) -> bool:
    plain = set(value) <= set(string.ascii_lowercase + string.digits + "-")
    taken = value == "latest" or value.startswith("dev-")
    return 0 < len(value) <= 20 and plain and value[0] != "-" and value[-1] != "-" and not taken


def is_base(value: str) -> bool:
    return value in ("auto", "registry", "local")


def is_seconds(value: str) -> bool:
    digits = value.removeprefix("-")
    return 0 < len(digits) <= 10 and set(digits) <= set("0123456789")


def is_claim(value: str) -> bool:
    return value.find("=") > 0


def is_nothing(value: str) -> bool:
    """Of options whose valid values name what is not there."""
    return False


def may_be_repository(value: str) -> bool:
    """HOST:PATH is a repository over SSH, and a URL that has lost a slash is one."""
    name, _, source = value.partition("=")
    return name.strip() in REPOSITORIES and "://" not in source and bool(re.match("[^/:]+:", source.strip()))


VALUES: Mapping[str, tuple[Callable[[str], bool], tuple[str, ...]]] = {
    "--env": (is_environment, ("dev_dummyauth", "prod")),
    "--port": (is_port, ("8123", "65535", "1024")),
    "--direct-port": (is_port, ("8124",)),
    "--instance": (is_instance, ("default", "a-1", "x" * 20)),
    "--base": (is_base, ("auto", "registry", "local")),
    "--repo": (
        may_be_repository,
        ("nosuch=builtin", "bricsauthenticator=/nosuch", "bricsauthenticator=ftp://h/x", "=x"),
    ),
    "--deploy-dir": (is_nothing, ("/nosuch", "/dev/null", ".")),
    "--expires-in": (is_seconds, ("3600", "-1")),
    "--claim": (is_claim, ("a=1", "b=[]")),
}
"""Option → whether a value is allowed, and values to begin with."""

TAKES: Mapping[str, tuple[str, ...]] = {
    "up": ("--env", "--port", "--direct-port", "--instance", "--base", "--repo", "--deploy-dir"),
    "build": ("--env", "--instance", "--base", "--repo"),
    "render": ("--env", "--instance", "--port", "--deploy-dir"),
    "clone": ("--repo",),
    "down": ("--instance",),
    "status": ("--instance",),
    "logs": ("--instance",),
    "shell": ("--instance",),
    "token": ("--instance", "--expires-in", "--claim"),
}
"""Command → its options with values that can be told to be wrong by their form."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "up": ("--env", "dev_dummyauth"),
    "build": ("--env", "dev_dummyauth"),
    "render": ("--env", "dev_dummyauth"),
    "token": ("--user", "testuser"),
}
"""What a command needs, with which the rest is tried."""


def bad_value(chance: Chance) -> tuple[str, ...]:
    """A command with one option whose value is not allowed."""
    while True:
        command = chance.one_of(list(TAKES))
        option = chance.one_of(TAKES[command])
        allowed, begins = VALUES[option]
        value = chance.one_of([chance.mutated(chance.one_of(begins)), chance.one_of(ODD), *begins])
        # An empty value is that of an option that was not given; a value cannot hold the end of a C string.
        unset = value == "" and option in ("--deploy-dir", "--direct-port", "--instance")
        named = option == "--deploy-dir" and Path(value.strip()).exists() and value not in ("/dev/null", ".")
        # invoke's parser takes `--` for the end of the options, after a `=` too.
        if not allowed(value) and not unset and not named and "\0" not in value and value != "--":
            rest = NEEDED.get(command, ())
            return (command, *(rest if option not in rest else ()), f"{option}={value}")


def unknown_option(chance: Chance) -> tuple[str, ...]:
    """A command with an option that it does not have."""
    command = chance.one_of(list(TAKES))
    letters = "".join(chance.random.choices(string.ascii_lowercase, k=chance.random.randint(5, 9)))
    spelt = chance.one_of(
        [
            f"--no{letters}",
            f"--{letters}x=1",
            "--rm",
            "---",
            f"--env{letters}",
            f"--In{letters}",
            "-9",
            "--Port",
        ]
    )
    return (command, *NEEDED.get(command, ()), spelt)


def missing_value(chance: Chance) -> tuple[str, ...]:
    """A command that ends where a value is due."""
    command = chance.one_of(list(TAKES))
    option = chance.one_of(TAKES[command])
    return (command, *(NEEDED.get(command, ()) if option not in NEEDED.get(command, ()) else ()), option)


def surplus(chance: Chance) -> tuple[str, ...]:
    """A command with an argument that it has no place for."""
    command = chance.one_of(list(TAKES))
    word = "".join(chance.random.choices(string.ascii_lowercase + "/.;$", k=8))
    return (command, *NEEDED.get(command, ()), f"no{word}")


def no_command(chance: Chance) -> tuple[str, ...]:
    """A command that there is not, or one without what it needs."""
    misspelt = f"{chance.one_of(list(TAKES))}{chance.one_of(list('xqz'))}"
    return chance.one_of(
        [(misspelt,), ("up",), ("build",), ("render",), ("token",), ("volume-export",), ("--nosuch",)]
    )


def files_of_configuration() -> set[tuple[str, bytes]]:
    """What a command might write to."""
    places = (PROJECT / "config", PROJECT / "_build", PROJECT / "_dev_build_data")
    return {file for place in places if place.is_dir() for file in files_below(place)}


def refused(ran: Ran, what: str) -> None:
    assert ran.status in (FAILED, BAD_INPUT), f"accepted: {what}"
    assert ran.output == "", f"{ran.output}\n{what}"
    assert ran.errors.strip(), what
    assert "Traceback" not in ran.errors, what
    if ran.status == BAD_INPUT:
        assert ran.errors.startswith("error: "), f"{ran.errors}\n{what}"


def test_bad_command_lines_are_refused(
    chance: Chance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands, before = Commands(), files_of_configuration()
    for number in range(BAD):
        kind = chance.one_of(
            [bad_value, bad_value, bad_value, unknown_option, missing_value, surplus, no_command]
        )
        args = kind(chance)
        what = f"seed {chance.seed}, number {number}: {kind.__name__}: invoke {args!r}"
        ran = commands.run(*args)
        refused(ran, what)
        # Values are judged by the project; the rest by invoke's own parser, which ends with 1.
        if kind is bad_value:
            option = args[-1].partition("=")[0]
            assert ran.status == BAD_INPUT, f"{ran.errors}\n{what}"
            assert option in ran.errors, f"{ran.errors}\n{what}"
    assert files_of_configuration() == before
    assert list(tmp_path.iterdir()) == []


def test_they_are_refused_in_processes_of_their_own_too(chance: Chance, tmp_path: Path) -> None:
    """As users run them, a few: this takes a hundred times as long."""
    for kind in (bad_value, unknown_option, missing_value):
        args = kind(chance)
        done = invoke(*args, cwd=PROJECT, timeout_s=120)
        refused(Ran(done.status, done.stdout, done.stderr), f"seed {chance.seed}: invoke {args!r}")
