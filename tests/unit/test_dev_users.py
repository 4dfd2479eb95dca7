"""dev_users: what is read, and what is refused with file, line and reason."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brics_envs.config.dev_users import MAX_LENGTH, DevUser, load_dev_users, parse_dev_users
from brics_envs.errors import BAD_INPUT, ConfigError


def test_reads_accounts_and_leaves_out_blanks_and_comments() -> None:
    text = "# who\n\ntestuser.project1\n  otheruser.project-2  # trailing\r\n"
    assert parse_dev_users(text, "dev_users") == (
        DevUser("testuser", "project1"),
        DevUser("otheruser", "project-2"),
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("testuser", "exactly one dot"),
        ("a.b.c", "exactly one dot"),
        (".project1", "<USER> is empty"),
        ("user.", "<PROJECT> is empty"),
        ("User.project1", "<USER> may hold"),
        ("user.1project", "<PROJECT> may hold"),
        ("us er.project1", "<USER> may hold"),
        ("usér.project1", "<USER> may hold"),
        ("user.pro/ject", "<PROJECT> may hold"),
        ("u." + "p" * MAX_LENGTH, "at most 32"),
    ],
)
def test_refuses_a_line_with_its_reason(line: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_dev_users(f"ok.project1\n{line}\n", "config/x/dev_users")
    assert "config/x/dev_users:2: " in refused.value.message
    assert reason in refused.value.message
    assert refused.value.exit_status == BAD_INPUT


def test_reports_every_problem_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_dev_users("one\na.b\na.b\nC.d\n", "f")
    assert [line.split(":")[1] for line in refused.value.message.splitlines()] == ["1", "3", "4"]
    assert "already in line 2" in refused.value.message


def test_refuses_a_file_without_users() -> None:
    with pytest.raises(ConfigError, match="it lists no users"):
        parse_dev_users("# nobody\n", "f")


def test_a_missing_file_names_the_example(tmp_path: Path) -> None:
    (tmp_path / "dev_users.example").write_text("a.b\n")
    with pytest.raises(ConfigError) as refused:
        load_dev_users(tmp_path / "dev_users")
    assert str(tmp_path / "dev_users") in refused.value.message
    assert "dev_users.example" in refused.value.hint


def test_refuses_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "dev_users").write_bytes(b"a.b\n\xff\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_dev_users(tmp_path / "dev_users")


@given(st.text())
def test_nothing_but_the_documented_error(text: str) -> None:
    try:
        users = parse_dev_users(text, "f")
    except ConfigError:
        return
    assert users
    assert len(set(users)) == len(users)
    assert all(len(user.account) <= MAX_LENGTH for user in users)
