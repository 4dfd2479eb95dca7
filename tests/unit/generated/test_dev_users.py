"""Generated dev_users: what is no `<USER>.<PROJECT>` is refused with its line, and nothing else is."""

from __future__ import annotations

import string
from pathlib import Path

import pytest

from brics_envs.config.dev_users import DevUser, load_dev_users
from brics_envs.errors import BAD_INPUT, ConfigError
from tests.support.generated_input import Chance

BAD = 150
"""So many bad files are tried, at least."""

FIRST = set(string.ascii_lowercase + "_")
FURTHER = FIRST | set(string.digits + "-")
VALID = [
    "testuser.project1\ntestuser.project2\notheruser.project1\n",
    "# who\n\na.b\n  _x-1.y_2  # comment\r\nuser.p\n",
    "a.b",
    f"{'u' * 15}.{'p' * 16}\n\t a.b\t\n",
]


def bad_lines(text: str) -> set[int] | None:
    """The numbers of the lines that are to be refused; None: the whole file is, for it has no user at all."""
    wrong: set[int] = set()
    seen: set[str] = set()
    for number, line in enumerate(text.split("\n"), start=1):
        entry = line.partition("#")[0].strip(" \t\r")
        if not entry:
            continue
        words = entry.split(".")
        ok = len(words) == 2 and all(w and w[0] in FIRST and set(w) <= FURTHER for w in words)
        if not ok or len(entry) > 32 or entry in seen:
            wrong.add(number)
        else:
            seen.add(entry)
    return None if not seen and not wrong else wrong


def test_bad_lines_are_refused_and_only_those(chance: Chance, tmp_path: Path) -> None:
    file, bad = tmp_path / "dev_users", 0
    while bad < BAD:
        text = chance.mutated(chance.one_of(VALID))
        file.write_bytes(text.encode())
        # Python reads every kind of line end as one.
        expected = bad_lines(text.replace("\r\n", "\n").replace("\r", "\n"))
        what = f"seed {chance.seed}: {text!r}"
        users, error = loaded(file)
        if error is None:
            assert expected == set(), f"accepted: {what}"
            assert users, what
        else:
            bad += 1
            assert error.exit_status == BAD_INPUT, what
            assert expected is None or expected, f"refused: {what}"
            places = {line.removeprefix(f"{file}:").split(":")[0] for line in error.message.splitlines()}
            assert places == ({" it lists no users"} if expected is None else set(map(str, expected))), what
        assert [path.name for path in tmp_path.iterdir()] == ["dev_users"]


def loaded(file: Path) -> tuple[tuple[DevUser, ...], ConfigError | None]:
    """The users, or why they are refused; any other exception fails the test."""
    try:
        return load_dev_users(file), None
    except ConfigError as error:
        return (), error


def test_files_that_are_no_text(chance: Chance, tmp_path: Path) -> None:
    file = tmp_path / "dev_users"
    for _ in range(50):
        content = chance.one_of(VALID).encode()
        place = chance.random.randint(0, len(content))
        # 0xff and 0xfe are in no UTF-8 text.
        file.write_bytes(content[:place] + chance.one_of([b"\xff", b"\xfe"]) + content[place:])
        with pytest.raises(ConfigError, match="not UTF-8"):
            load_dev_users(file)
