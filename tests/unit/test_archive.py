"""Unpacking what nobody vouches for."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from brics_envs.effects.archive import unpack


def packed(tmp_path: Path, *members: tuple[str, bytes, dict[str, object]]) -> Path:
    """A tar archive; each member by name, type and further fields."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind, fields in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, 0o644
            for field, value in fields.items():
                setattr(info, field, value)
            content = b"text" if kind == tarfile.REGTYPE else b""
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir(mode=0o700)
    return made


def test_files_directories_and_links_inside(tmp_path: Path, target: Path) -> None:
    archive = packed(
        tmp_path,
        ("./", tarfile.DIRTYPE, {"mode": 0o755}),
        ("./d", tarfile.DIRTYPE, {"mode": 0o500}),
        ("./d/file", tarfile.REGTYPE, {"mode": 0o400}),
        ("./d/hard", tarfile.LNKTYPE, {"linkname": "./d/file"}),
        ("./link", tarfile.SYMTYPE, {"linkname": "d/file"}),
        ("./d/up", tarfile.SYMTYPE, {"linkname": "../link"}),
    )
    assert unpack(archive, target) == []
    assert [(target / name).read_text() for name in ("d/file", "d/hard", "link", "d/up")] == ["text"] * 4
    assert stat.S_IMODE((target / "d/file").stat().st_mode) == 0o400
    assert stat.S_IMODE((target / "d").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6777, 0o1777, 0o4000])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE])
def test_no_special_bits_and_no_owners(tmp_path: Path, target: Path, kind: bytes, mode: int) -> None:
    unpack(packed(tmp_path, ("x", kind, {"mode": mode, "uid": 12345, "gid": 12345})), target)
    found = (target / "x").stat()
    assert stat.S_IMODE(found.st_mode) & 0o7000 == 0
    assert (found.st_uid, found.st_gid) == (os.getuid(), os.getgid())


@pytest.mark.parametrize(
    ("name", "kind", "fields"),
    [
        ("../out", tarfile.REGTYPE, {}),
        ("a/../../out", tarfile.REGTYPE, {}),
        ("/etc/out", tarfile.REGTYPE, {}),
        ("null", tarfile.CHRTYPE, {"devmajor": 1, "devminor": 3}),
        ("disk", tarfile.BLKTYPE, {}),
        ("pipe", tarfile.FIFOTYPE, {}),
        ("absolute", tarfile.SYMTYPE, {"linkname": "/etc/passwd"}),
        ("out", tarfile.SYMTYPE, {"linkname": ".."}),
        ("d/out", tarfile.SYMTYPE, {"linkname": "../../x"}),
        ("d/round", tarfile.SYMTYPE, {"linkname": "x/../../../y"}),
        ("through", tarfile.SYMTYPE, {"linkname": "p/q/link/../../x"}),
        ("hard", tarfile.LNKTYPE, {"linkname": "nothing"}),
    ],
)
def test_what_is_left_out(
    tmp_path: Path, target: Path, name: str, kind: bytes, fields: dict[str, object]
) -> None:
    archive = packed(tmp_path, (name, kind, fields), ("good", tarfile.REGTYPE, {}))
    assert unpack(archive, target) == [name]
    assert [path.name for path in target.rglob("*")] == ["good"]


def test_nothing_is_written_through_a_link(tmp_path: Path, target: Path) -> None:
    """A user may swap a directory for a link while the archive is made."""
    archive = packed(
        tmp_path,
        ("sub", tarfile.SYMTYPE, {"linkname": "inner"}),
        ("sub/file", tarfile.REGTYPE, {}),
    )
    assert unpack(archive, target) == ["sub"]
    assert (target / "sub/file").read_text() == "text"
    assert not (target / "sub").is_symlink()
