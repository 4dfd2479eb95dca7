"""The named volumes' initial contents: names, owners and modes of the tar archives."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from brics_envs.errors import ConfigError
from brics_envs.plan.volumes import OWNERSHIP, Ownership, volume_tar

VOLUMES = Path(__file__).resolve().parents[2] / "volumes"

HUB = {
    ".": (0, 0, 0o755),
    "srv": (0, 0, 0o755),
    "srv/jupyterhub": (10000, 10000, 0o700),
    "var": (0, 0, 0o755),
    "var/log": (0, 0, 0o755),
    "var/log/jupyterhub": (10000, 10000, 0o750),
}
SLURM = {
    ".": (0, 0, 0o755),
    "home": (0, 0, 0o755),
    "var": (0, 0, 0o755),
    "var/lib": (0, 0, 0o755),
    "var/lib/munge": (0, 0, 0o755),
    "var/log": (0, 0, 0o755),
    "var/log/slurm": (64030, 64030, 0o755),
    "var/spool": (0, 0, 0o755),
    "var/spool/slurm": (64030, 64030, 0o755),
    "var/spool/slurm/slurmctld": (64030, 64030, 0o755),
    "var/spool/slurm/slurmd": (64030, 64030, 0o755),
}


def entries(archive: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {entry.name: entry for entry in tar.getmembers()}


@pytest.mark.parametrize(("volume", "expected"), [("jupyterhub_root", HUB), ("slurm_root", SLURM)])
def test_project_volumes(volume: str, expected: dict[str, tuple[int, int, int]]) -> None:
    found = entries(volume_tar(VOLUMES / volume, OWNERSHIP[volume]))
    assert {name: (e.uid, e.gid, e.mode) for name, e in found.items()} == expected
    assert all(e.isdir() for e in found.values())


def test_files_take_the_directory_s_owner_and_lose_execute_bits(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/run").write_bytes(b"content")
    (tmp_path / "a/b/run").chmod(0o777)
    archive = volume_tar(tmp_path, {"a": Ownership(1, 2, 0o750)})
    entry = entries(archive)["a/b/run"]
    assert (entry.uid, entry.gid, entry.mode, entry.size) == (1, 2, 0o640, 7)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        stream = tar.extractfile("a/b/run")
        assert stream is not None
        assert stream.read() == b"content"


def test_longest_prefix_wins_by_whole_components(tmp_path: Path) -> None:
    for name in ("a/b", "ab"):
        (tmp_path / name).mkdir(parents=True)
    found = entries(volume_tar(tmp_path, {"a": Ownership(1, 1, 0o700), "a/b": Ownership(2, 2, 0o700)}))
    assert {name: e.uid for name, e in found.items()} == {".": 0, "a": 1, "a/b": 2, "ab": 0}


def test_equal_trees_give_equal_bytes_whatever_their_times_and_modes(tmp_path: Path) -> None:
    for name, mode, time in (("one", 0o700, 1), ("two", 0o755, 2_000_000_000)):
        (tmp_path / name / "d").mkdir(parents=True)
        (tmp_path / name / "d" / "f").write_text("x")
        (tmp_path / name / "d").chmod(mode)
        os.utime(tmp_path / name / "d/f", (time, time))
    assert volume_tar(tmp_path / "one", {}) == volume_tar(tmp_path / "two", {})


def test_placeholders_are_left_out_and_long_names_kept(tmp_path: Path) -> None:
    long = "n" * 200
    (tmp_path / ".gitkeep").touch()
    (tmp_path / long).touch()
    assert set(entries(volume_tar(tmp_path, {}))) == {".", long}


def test_links_and_missing_trees_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing: not a directory"):
        volume_tar(tmp_path / "missing", {})
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(ConfigError, match="link: a volume's"):
        volume_tar(tmp_path, {})
