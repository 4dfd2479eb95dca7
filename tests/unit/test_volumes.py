"""The named volumes' initial contents: names, owners and modes of the tar archives."""

from __future__ import annotations

import io
import tarfile

import pytest
import yaml

from brics_envs.plan.volumes import ROOT, VOLUMES, Directory, volume_tar
from tests.support.checkout import PROJECT

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
    found = entries(volume_tar(VOLUMES[volume]))
    assert {name: (e.uid, e.gid, e.mode) for name, e in found.items()} == expected
    assert all(e.isdir() for e in found.values())


def test_a_directory_comes_behind_those_above_it() -> None:
    names = list(entries(volume_tar({"a/b-c": ROOT, "a/b/c": ROOT, "a.b": ROOT})))
    assert set(names) == {".", "a", "a.b", "a/b", "a/b-c", "a/b/c"}
    assert all(names.index(name.rpartition("/")[0]) < names.index(name) for name in names if "/" in name)


def test_equal_directories_give_equal_bytes() -> None:
    one, two = ("x", Directory(1, 2, 0o700)), ("y", ROOT)
    assert volume_tar(dict([one, two])) == volume_tar(dict([two, one]))


def test_containers_mount_the_directories_of_the_table() -> None:
    pods = [yaml.safe_load(file.read_text()) for file in (PROJECT / "k8s").glob("**/pod.yaml")]
    claims = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for pod in pods
        for volume in pod["spec"].get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    mounted = {
        (claims[mount["name"]], mount["subPath"])
        for pod in pods
        for container in (*pod["spec"].get("containers", []), *pod["spec"].get("initContainers", []))
        for mount in container.get("volumeMounts", [])
        if mount["name"] in claims
    }
    assert {volume for volume, _ in mounted} == set(VOLUMES)
    assert mounted <= {(volume, path) for volume, paths in VOLUMES.items() for path in paths}
