"""Backups: what is state, and archives that are damaged, foreign, too new, or lead outside."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from brics_envs.effects.backup_archive import read_archive, write_archive
from brics_envs.effects.volume_tars import check_members, copy_members
from brics_envs.errors import ConfigError, EnvsError
from brics_envs.plan.backup import BackupRecord, File, is_replaced, is_state, parse_record, refuse_newer

MEMBERS = {"secrets/password": b"a password", "volumes/jupyterhub_root.tar": b"x" * 100_000}


def record(files: dict[str, File], **changes: str) -> BackupRecord:
    values = {
        "version": "0.1.0",
        "commit": "0" * 40,
        "jupyterhub": "6.1.1",
        "environment": "prod",
        "instance": "default",
        "created": "2026-01-02T03:04:05Z",
    }
    return BackupRecord(**(values | changes), homes=False, files=files)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    members = {}
    for number, (name, content) in enumerate(MEMBERS.items()):
        members[name] = tmp_path / str(number)
        members[name].write_bytes(content)
    write_archive(tmp_path / "backup.tar.gz", tmp_path, members, lambda files: record(dict(files)))
    return tmp_path / "backup.tar.gz"


def unpacked(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]


def packed(archive: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive


def refused(archive: Path, tmp_path: Path) -> str:
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(ConfigError) as caught:
        read_archive(archive, place)
    return caught.value.message


def test_what_is_written_is_read(archive: Path, tmp_path: Path) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600
    place = tmp_path / "place"
    place.mkdir()
    read = read_archive(archive, place)
    assert read == record(dict(read.files))
    assert {name: (place / name).read_bytes() for name in read.files} == MEMBERS


def test_no_file_is_overwritten(archive: Path, tmp_path: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(EnvsError, match="exists"):
        write_archive(archive, tmp_path, {}, lambda files: record(dict(files)))
    assert archive.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("kept", [0, 1, 100, -1, -30])
def test_an_archive_that_ends_early(archive: Path, tmp_path: Path, kept: int) -> None:
    archive.write_bytes(archive.read_bytes()[:kept])
    refused(archive, tmp_path)


def test_a_byte_that_has_changed_anywhere(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    # The header of gzip has a time and a name, which mean nothing.
    for position in range(30, len(whole), 7):
        archive.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        place = tmp_path / f"place{position}"
        place.mkdir()
        try:
            read = read_archive(archive, place)
        except ConfigError:
            continue
        # Another way to pack the same.
        assert {name: (place / name).read_bytes() for name in read.files} == MEMBERS


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "secrets/../../x", "secrets/other", "volumes/x.tar"]
)
def test_members_that_no_backup_has(archive: Path, tmp_path: Path, name: str) -> None:
    members = unpacked(archive)
    assert name in refused(packed(archive, members | {name: b"x"}), tmp_path)
    values = json.loads(members["backup.json"])
    values["files"][name] = {"size": 1, "sha256": "0" * 64}
    with pytest.raises(ConfigError, match="does not belong in a backup"):
        parse_record(json.dumps(values), "x")


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_is_missing_or_another(archive: Path, tmp_path: Path, name: str) -> None:
    members = unpacked(archive)
    other = packed(tmp_path / "other.tar.gz", members | {name: MEMBERS[name][::-1] + b"y"})
    assert "damaged" in refused(other, tmp_path)
    (tmp_path / "place").rename(tmp_path / "used")
    del members[name]
    assert "missing" in refused(packed(archive, members), tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"project": "other"}', "[" * 10_000, '{"project": null, "format": 1}', "\0", '"brics"'],
)
def test_records_of_others(text: str) -> None:
    with pytest.raises(ConfigError, match="not a backup of this project"):
        parse_record(text, "x")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 0},
        {"format": "1"},
        {"format": None},
        {"files": []},
        {"files": {"secrets/password": {"size": -1, "sha256": "0" * 64}}},
        {"files": {"secrets/password": {"size": 1, "sha256": "?"}}},
        {"homes": "yes"},
        {"instance": "\x1b[31m"},
        {"version": 3},
        {"created": "a\nb"},
        {"more": 1},
    ],
)
def test_damaged_records(change: dict[str, object]) -> None:
    values = json.loads(record({}).to_json()) | change
    with pytest.raises(ConfigError, match="damaged"):
        parse_record(json.dumps(values), "x")


def test_newer_versions_are_refused() -> None:
    values = json.loads(record({}).to_json()) | {"format": 2, "version": "9.0", "anything": 1}
    with pytest.raises(ConfigError, match=r"version 9\.0, which is newer"):
        parse_record(json.dumps(values), "x")
    ours = {"version": "0.1.0", "jupyterhub": "6.1.1"}
    refuse_newer(record({}), "x", **ours)
    refuse_newer(record({}, version="0.0.9", jupyterhub="5.4.3"), "x", **ours)
    refuse_newer(record({}, jupyterhub=""), "x", **ours)
    for newer in ({"version": "0.1.1"}, {"version": "0.10"}, {"jupyterhub": "6.10.0"}):
        with pytest.raises(ConfigError, match="newer"):
            refuse_newer(record({}, **newer), "x", **ours)
    with pytest.raises(ConfigError, match="not a version"):
        refuse_newer(record({}, version="new"), "x", **ours)


def test_what_is_state() -> None:
    def state(volume: str, path: str, *, homes: bool = False) -> bool:
        return is_state(volume, PurePosixPath(path), homes=homes)

    assert state("jupyterhub_root", "srv/jupyterhub/jupyterhub_crypt_key")
    assert state("jupyterhub_root", "srv/jupyterhub/jupyterhub.sqlite.2026-01-01-000000")
    assert not state("jupyterhub_root", "srv/jupyterhub/jupyterhub.sqlite")
    assert not state("jupyterhub_root", "srv/jupyterhub/jupyterhub.sqlite-wal")
    assert not state("jupyterhub_root", "var/log/jupyterhub/jupyterhub.log")
    assert state("slurm_root", "var/spool/slurm/slurmctld/job_state")
    assert not state("slurm_root", "home/project1/a.project1/.bashrc")
    assert state("slurm_root", "home/project1/a.project1/.bashrc", homes=True)
    assert not is_replaced(PurePosixPath("home/project1"), homes=False)
    assert is_replaced(PurePosixPath("srv/jupyterhub/jupyterhub.sqlite-wal"), homes=False)


# -- volumes


def volume(path: Path, *members: tuple[str, bytes, str]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, kind, target in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode, entry.uid = kind, target, 0o6755, 10000
            content = b"content" if kind == tarfile.REGTYPE else b""
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


FILE, LINK, HARD, FOLDER = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


@pytest.mark.parametrize(
    "members",
    [
        [("../x", FILE, "")],
        [("/etc/x", FILE, "")],
        [("a/../../x", FILE, "")],
        [("a", LINK, "/etc"), ("a/passwd", FILE, "")],
        [("a", LINK, ".."), ("a", FILE, "")],
        [("a", HARD, "/etc/passwd")],
        [("a", HARD, "../x")],
        [("a", HARD, "b")],
        [("a", LINK, "/etc/passwd"), ("b", HARD, "a")],
        [("a", tarfile.CHRTYPE, "")],
        [("a", tarfile.BLKTYPE, "")],
        [("a", tarfile.FIFOTYPE, "")],
    ],
)
def test_volumes_that_are_refused(tmp_path: Path, members: list[tuple[str, bytes, str]]) -> None:
    with pytest.raises(ConfigError):
        check_members(volume(tmp_path / "v.tar", *members), "x")


def test_members_are_copied_with_owners_and_without_privileges(tmp_path: Path) -> None:
    source = volume(
        tmp_path / "v.tar",
        ("./", FOLDER, ""),
        ("./home/a", FILE, ""),
        ("./b", HARD, "./home/a"),
        ("./c", HARD, "./b"),
        ("./d", LINK, "/opt/jupyter"),
        ("./e", tarfile.FIFOTYPE, ""),
    )
    with tarfile.open(tmp_path / "copy.tar", "w") as into:
        copy_members(source, into, lambda path: path.parts[:1] != ("home",))
    check_members(tmp_path / "copy.tar", "x")
    with tarfile.open(tmp_path / "copy.tar") as copy:
        found = {m.name: m for m in copy}
        assert list(found) == [".", "b", "c", "d"]
        assert copy.extractfile("b").read() == copy.extractfile("c").read() == b"content"  # type: ignore[union-attr]
    assert found["b"].mode == 0o755
    assert {m.uid for m in found.values()} == {10000}
