"""Files written whole with their mode, and locks between processes."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brics_envs.effects.files import locked, write_private
from brics_envs.errors import EnvsError
from tests.support.checkout import PROJECT

HOLD = """
import sys
from pathlib import Path
from brics_envs.effects.files import locked
with locked(Path(sys.argv[2]), 0):
    print("held", flush=True)
    sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o077, 0o000])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_umask")
def test_mode_does_not_depend_on_umask_or_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old, longer than the new content")
    path.chmod(0o666)
    write_private(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_missing_directories_of_private_files_are_private(tmp_path: Path) -> None:
    write_private(tmp_path / "a/b/f", b"x")
    assert [mode(tmp_path / d) for d in ("a", "a/b")] == [0o700, 0o700]


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"keep")
    (tmp_path / "link").symlink_to(target)
    write_private(tmp_path / "link", b"secret")
    assert target.read_bytes() == b"keep"
    assert not (tmp_path / "link").is_symlink()


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(EnvsError, match="taken: cannot be written"):
        write_private(tmp_path / "taken", b"x")
    (tmp_path / "file").touch()
    with pytest.raises(EnvsError, match="below: cannot be written"):
        write_private(tmp_path / "file" / "below", b"x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "taken"]


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, "up", str(tmp_path / "d/lock"), "--password=hunter2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_lock_names_its_holder(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(EnvsError) as caught, locked(tmp_path / "d/lock", 0.2):
        pass
    assert f"process {holder.pid} (-c up) holds {tmp_path}/d/lock" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_lock_ends_with_its_process(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    with locked(tmp_path / "d/lock", 5):
        assert (tmp_path / "d/lock").read_text().startswith(f"{os.getpid()} ")
    assert mode(tmp_path / "d/lock") == 0o600


@pytest.mark.parametrize(
    "remove", [Path.unlink, lambda lock: shutil.rmtree(lock.parent)], ids=["file", "directory"]
)
def test_waiting_survives_the_removal(tmp_path: Path, remove: Callable[[Path], None]) -> None:
    lock = tmp_path / "d/lock"
    inside: list[str] = []

    def wait() -> None:
        with locked(lock, 10):
            inside.append("second")

    with locked(lock, 0):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.3)
        assert inside == []
        remove(lock)
    # Whoever waited holds a file that has a name again: a third process would see it.
    thread.join(10)
    assert inside == ["second"]
    assert lock.exists()


def test_a_lock_can_be_taken_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked(tmp_path / "lock", 0):
        raise RuntimeError
    with locked(tmp_path / "lock", 0):
        pass
