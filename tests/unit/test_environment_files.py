"""What an environment's directory may have for the Slurm in the pod."""

from pathlib import Path

import pytest

from brics_envs.config.environment import Environment
from brics_envs.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "config/dev/slurm"
    folder.mkdir(parents=True)
    return folder


def files_of(folder: Path) -> dict[str, str]:
    return Environment("dev", folder.parents[2]).slurm_files()


def test_files_take_the_place_of_the_projects(folder: Path) -> None:
    (folder / "partitions.conf").write_text("PartitionName=ü\n")
    (folder / ".partitions.conf.swp").write_bytes(b"\xff")
    assert files_of(folder) == {"partitions.conf": "PartitionName=ü\n"}


def test_there_need_be_none(tmp_path: Path) -> None:
    assert Environment("dev", tmp_path).slurm_files() == {}


@pytest.mark.parametrize("name", ["slurm.conf", "partitions.conf~"])
def test_others_are_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("")
    with pytest.raises(ConfigError, match=f"slurm/{name}: not a file of Slurm"):
        files_of(folder)


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "reservations").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="reservations: not UTF-8"):
        files_of(folder)


def test_a_directory_is_refused(folder: Path) -> None:
    (folder / "partitions.conf").mkdir()
    with pytest.raises(ConfigError, match="Is a directory"):
        files_of(folder)
