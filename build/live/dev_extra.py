"""Installs what a package's own extra `dev` asks for, into the environment whose Python runs this.

    dev_extra.py METADATA PROBLEM CONSTRAINT…

METADATA has the package's pyproject.toml or setup.cfg, and none of its code: an edit of that changes nothing here. What
cannot be installed is no reason to have no image: the file PROBLEM says why, and `invoke test` shows it.
"""

import configparser
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):  # noqa: UP036 - the Slurm image of the registry may have an older one
    import tomllib
else:
    import tomli as tomllib

EXTRA = "dev"


def extras_of(directory: Path) -> tuple[str, dict[str, list[str]]]:
    """A package's name, and its extras with what each needs; nothing where only its code could tell."""
    file = directory / "pyproject.toml"
    project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}) if file.is_file() else {}
    if project:
        found = project.get("optional-dependencies", {})
        return str(project.get("name", "")), {canonicalize_name(name): list(found[name]) for name in found}
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(directory / "setup.cfg", encoding="utf-8")
    section = "options.extras_require"
    lines = dict(parser.items(section)) if parser.has_section(section) else {}
    return parser.get("metadata", "name", fallback=""), {
        canonicalize_name(name): [line for line in text.splitlines() if line.strip()]
        for name, text in lines.items()
    }


def needed(name: str, extras: Mapping[str, list[str]], extra: str = EXTRA) -> list[str]:
    """What an extra needs, other extras of the same package that it names included, each once."""
    found: dict[str, None] = {}
    waiting, seen = [extra], set[str]()
    while waiting:
        now = waiting.pop(0)
        if now in seen:
            continue
        seen.add(now)
        for text in extras.get(now, ()):
            requirement = Requirement(text)
            if canonicalize_name(requirement.name) == canonicalize_name(name):
                waiting += map(canonicalize_name, sorted(requirement.extras))
            else:
                found[text] = None
    return list(found)


def main(metadata: Path, problem: Path, constraints: list[str]) -> None:
    """Install them, or say why not."""
    try:
        requirements = needed(*extras_of(metadata))
    except (OSError, ValueError, configparser.Error) as error:
        problem.write_text(f"its metadata cannot be read: {error}\n")
        return
    if not requirements:
        return
    limits = [f"--constraint={constraint}" for constraint in constraints]
    pip = [sys.executable, "-m", "pip", "install", "--no-cache-dir", *limits, *requirements]
    done = subprocess.run(pip, stdout=sys.stdout, stderr=subprocess.PIPE, text=True, check=False)
    print(done.stderr, flush=True)
    if done.returncode != 0:
        problem.write_text("\n".join(done.stderr.strip().splitlines()[-5:]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
