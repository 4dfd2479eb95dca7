"""Bad inputs that chance makes: the same again with ``BRICS_TEST_SEED``, which is printed with every test."""

from __future__ import annotations

import io
import os
import random
import secrets
import signal
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from unittest import mock

import pytest
from invoke.collection import Collection
from invoke.parser import Parser
from invoke.program import Program

from brics_envs.effects import interrupts

T = TypeVar("T")

ODD = [
    *(
        "",
        " ",
        "\t",
        "\n",
        "\r",
        "\0",
        "\x1b[2J",
        "\x7f",
        "\x85",
        "\xa0",
        "\u200b",
        "\u2028",
        "\ufeff",
        "\N{FULLWIDTH DIGIT ONE}",
    ),
    *(
        ".",
        "..",
        "-",
        "--",
        "_",
        "/",
        "//",
        "\\",
        ":",
        ";",
        ",",
        "|",
        "&",
        "!",
        "?",
        "*",
        "~",
        "@",
        "=",
        "%",
        "#",
    ),
    *("$HOME", "$(id)", "`id`", "${x}", "{{cmd}}", "{%", "'", '"', "''", "(", "]", "<", ">", "^", "+"),
    *("é", "ß", "İ", "漢", "🦄", "A", "z", "0", "9", "00", "../..", "%s", "null", "true"),
]
"""Pieces that a careless check lets through."""


@dataclass(frozen=True)
class Chance:
    """Random choices; ``seed`` makes the same ones again."""

    seed: int
    random: random.Random

    def mutated(self, text: str) -> str:
        """A text with one to three small changes, which may happen to leave it as it was."""
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            begin = self.random.randint(0, len(text))
            end = min(len(text), begin + self.random.choice([0, 0, 1, 1, 2, 5]))
            new = self.random.choice([*ODD, text[begin:end] * 2, text[begin:end].swapcase(), text[::-1][:2]])
            text = text[:begin] + new + text[end:]
        return text

    def one_of(self, values: Sequence[T]) -> T:
        """One of some values."""
        return self.random.choice(values)


@pytest.fixture
def chance(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Chance:
    """Chance, whose seed is shown."""
    seed = int(os.environ.get("BRICS_TEST_SEED") or secrets.randbits(32))
    with capsys.disabled():
        print(f" [{request.node.name}: BRICS_TEST_SEED={seed}]", end="")
    return Chance(seed, random.Random(seed))  # noqa: S311


@dataclass(frozen=True)
class Ran:
    """What a command did: its exit status, and what it printed."""

    status: int
    output: str
    errors: str


@contextmanager
def _own_handlers() -> Iterator[None]:
    """Keep this process's signal handlers: the commands install their own, from their import on."""
    handlers = {number: signal.getsignal(number) for number in interrupts.SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


class Commands:
    """The project's commands, run in this process as ``invoke`` runs them: a hundredth of a second each.

    Signals stay the tests' own: the thread and the guardian that a command has because of them are left out.
    """

    def __init__(self) -> None:
        with _own_handlers():
            import tasks

        self._tasks = Collection.from_module(tasks)
        self._program = Program(name="invoke", namespace=self._tasks)

    @property
    def names(self) -> list[str]:
        """The names of the commands."""
        return sorted(self._tasks.task_names)

    def parse(self, *args: str) -> None:
        """Only read ``ARGS``, as invoke does.

        :raises ParseError: a word of them is no command or option, or lacks its value.
        """
        with _own_handlers():
            Parser(self._tasks.to_contexts(), initial=self._program.initial_context).parse_argv([*args])

    def run(self, *args: str) -> Ran:
        """Run ``invoke ARGS``; an exception that a user would see as a traceback fails the test."""
        output, errors = io.StringIO(), io.StringIO()
        status: object = 0
        try:
            with (
                redirect_stdout(output),
                redirect_stderr(errors),
                mock.patch.object(interrupts, "supervise", lambda command, _: command()),
            ):
                self._program.run(["invoke", *args])
        except SystemExit as end:
            status = 0 if end.code is None else end.code
        except Exception as error:
            pytest.fail(f"invoke {args!r} ends in a traceback:\n{''.join(traceback.format_exception(error))}")
        assert isinstance(status, int), f"invoke {args!r}: exit status {status!r}"
        return Ran(status, output.getvalue(), errors.getvalue())


def files_below(directory: Path) -> set[tuple[str, bytes]]:
    """Every file with its contents."""
    return {(str(path), path.read_bytes()) for path in directory.rglob("*") if path.is_file()}
