"""What doctor prints, and its verdict."""

import shutil
from pathlib import Path

import pytest

from brics_envs.effects.machine import Fact, examine, parse_facts
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.doctor import doctor

ROOT = Path(__file__).resolve().parents[2]


def bootstrap_printing(tmp_path: Path, text: str) -> Path:
    script = tmp_path / "bootstrap"
    script.write_text(f"#!/bin/sh\n[ \"$*\" = --facts ] || exit 9\ncat <<'EOF'\n{text}EOF\n")
    script.chmod(0o755)
    return tmp_path


def test_all_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doctor(bootstrap_printing(tmp_path, "ok|podman 4.9 or newer|5.4.2|\nok|git|git|\n"))
    assert (
        capsys.readouterr().out
        == "ok          podman 4.9 or newer  5.4.2\nok          git                  git\n"
    )


def test_what_is_wrong_has_its_fix_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "old|podman 4.9 or newer|4.3.1|./bootstrap true installs podman, from Debian 13\n"
        "lacks|git|nothing|./bootstrap true installs git\n"
        "cannot|/dev/net/tun|not open to me|rootless cannot work: sudo chmod 0666 /dev/net/tun\n"
        "ok|mmdebstrap|mmdebstrap|\n"
    )
    with pytest.raises(EnvsError) as caught:
        doctor(bootstrap_printing(tmp_path, text))
    assert capsys.readouterr().out.splitlines() == [
        "too old     podman 4.9 or newer  4.3.1; ./bootstrap true installs podman, from Debian 13",
        "lacking     git                  nothing; ./bootstrap true installs git",
        "not usable  /dev/net/tun         not open to me; rootless cannot work: sudo chmod 0666 /dev/net/tun",
        "ok          mmdebstrap           mmdebstrap",
    ]
    assert caught.value.exit_status == 1
    assert caught.value.message == "this machine is not ready: podman 4.9 or newer, git, /dev/net/tun"
    assert caught.value.hint == "run ./bootstrap true"


def test_a_limit_is_told_and_is_no_obstacle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doctor(bootstrap_printing(tmp_path, "note|cgroup controllers|pids|a can limit no cpu\n"))
    assert "note        cgroup controllers  pids; a can limit no cpu" in capsys.readouterr().out


def test_no_hint_at_bootstrap_where_it_cannot_help(tmp_path: Path) -> None:
    with pytest.raises(EnvsError) as caught:
        doctor(bootstrap_printing(tmp_path, "lacks|git|nothing|install git with your package manager\n"))
    assert caught.value.hint == ""


@pytest.mark.parametrize("line", ["good|git|git|", "ok|git|git", "nonsense"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(EnvsError, match="an unexpected line"):
        parse_facts(line)


def test_a_fix_may_hold_the_separator() -> None:
    assert parse_facts("lacks|a|b|c|d") == [Fact("lacks", "a", "b", "c|d")]


def test_the_real_bootstrap_is_understood(tmp_path: Path) -> None:
    """The unit tests' PATH has no podman and no git: both are told as lacking, and nothing is made."""
    shutil.copy(ROOT / "bootstrap", tmp_path)
    (tmp_path / "requirements").mkdir(parents=True)
    (tmp_path / "requirements/project.txt").touch()
    before = sorted(tmp_path.rglob("*"))
    facts = {fact.name: fact for fact in examine(tmp_path)}
    assert facts["podman 4.9 or newer"].state == "lacks"
    assert facts["git"].state == "lacks"
    assert facts["Python environment"].state == "lacks"
    assert sorted(tmp_path.rglob("*")) == before
