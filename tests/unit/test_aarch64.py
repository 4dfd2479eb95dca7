"""Nothing is for one architecture alone: the check of the locks' wheels, and what images are made of."""

import json
import re
from pathlib import Path

import pytest

from requirements.aarch64 import PYTHONS, Locked, locked, problems, wheels

ROOT = Path(__file__).resolve().parents[2]
BINARY, PURE = "a" * 64, "b" * 64
LOCK = f"""\
# a comment
binary==1.2 \\
    --hash=sha256:{BINARY}
not-here==3 ; sys_platform == 'win32' \\
    --hash=sha256:{"c" * 64}
pu-re==2.0 ; python_full_version >= '3.11' \\
    --hash=sha256:{"d" * 64} \\
    --hash=sha256:{PURE}
"""
GOOD = {
    "binary-1.2-cp311-abi3-manylinux_2_17_aarch64.manylinux2014_aarch64.whl": BINARY,
    "pu_re-2.0-py3-none-any.whl": PURE,
}


def found(present: dict[str, str], text: str = LOCK) -> list[str]:
    return list(problems({"a.txt": locked(text)}, present))


def test_a_lock_is_read() -> None:
    lines = locked(LOCK)
    assert [line.requirement.name for line in lines] == ["binary", "not-here", "pu-re"]
    assert isinstance(lines[2], Locked)
    assert lines[2].hashes == {PURE, "d" * 64}


def test_every_package_has_a_wheel() -> None:
    assert found(GOOD) == []
    assert wheels("# comment\n" + "".join(f"{name} {sha}\n" for name, sha in GOOD.items())) == GOOD


@pytest.mark.parametrize(
    "wheel",
    [
        "binary-1.2-cp311-abi3-manylinux_2_17_x86_64.whl",
        "binary-1.2-cp311-abi3-manylinux_2_40_aarch64.whl",
        "binary-1.2-cp311-abi3-musllinux_1_2_aarch64.whl",
        "binary-1.3-cp311-abi3-manylinux_2_17_aarch64.whl",
        "other-1.2-py3-none-any.whl",
    ],
)
def test_a_wheel_that_does_not_fit_is_none(wheel: str) -> None:
    told = found({wheel: BINARY, "pu_re-2.0-py3-none-any.whl": PURE})
    assert len(told) == len(PYTHONS)
    assert all("binary==1.2" in one and "aarch64.py --write" in one for one in told)


def test_a_wheel_for_one_python_is_none_for_the_others() -> None:
    wheel = "binary-1.2-cp311-cp311-manylinux_2_17_aarch64.whl"
    told = found({wheel: BINARY, "pu_re-2.0-py3-none-any.whl": PURE})
    assert [python in one for python, one in zip(PYTHONS[1:], told, strict=True)] == [True, True]


def test_a_wheel_of_another_release_is_told() -> None:
    told = found(GOOD | {"pu_re-2.0-py3-none-any.whl": "e" * 64})
    assert "is in no lock" in told[0]
    assert sum("pu-re==2.0" in one for one in told) == len(PYTHONS)


def test_what_is_not_understood_is_told() -> None:
    assert found(GOOD, "") != []
    assert any("no requirements" in one for one in found({}, "# nothing\n"))
    assert any("nonsense" in one for one in found(GOOD | {"nonsense": BINARY}))


NAMES = re.compile(r"amd64|x86|arm64|aarch64|armv|--platform|linux-gnu/", re.IGNORECASE)


def test_images_name_no_architecture() -> None:
    """Containerfiles, what is copied into images, how bases are made, and manifests."""
    places = ("build", "k8s", "brics_envs", "config")
    files = [path for place in places for path in (ROOT / place).rglob("*") if path.is_file()]
    texts = {path: path.read_text() for path in files if path.suffix != ".pyc"}
    assert len([path for path in texts if path.name.startswith("Containerfile")]) >= 6
    assert [str(path) for path, text in texts.items() if path.suffix != ".json" and NAMES.search(text)] == []


@pytest.mark.parametrize(
    "lock", sorted(ROOT.glob("build/**/package-lock.json")), ids=lambda path: path.parent.name
)
def test_npm_packages_are_pure(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    assert [name for name, one in packages.items() if {"cpu", "hasInstallScript"} & one.keys()] == []
