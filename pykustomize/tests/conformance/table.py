"""The table of cases: reading them, writing their trees, asking kubectl.

``cases/FEATURE/NAME.yaml`` is the input (``features``, ``files``, and for what we refuse the words of the message),
beside it ``NAME.expected`` is what kubectl prints for it, or :data:`REFUSAL`. ``regenerate.py`` writes the latter.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

CASES = Path(__file__).parent / "cases"
REFUSAL = "# kubectl refuses this\n"
KUBECTL = Path(sys.executable).with_name("kubectl")
KUBECTL_VERSION = "v1.37.1"


@dataclass(frozen=True)
class Case:
    """One row of the table.

    :param name: its path below ``cases``, without the suffix.
    :param features: what it covers; see ``MINIMUM`` in ``test_table.py``.
    :param files: the text of every file by its path below the case's root.
    :param links: symbolic links, by their path.
    :param refused: part of our message if we refuse it, else ``""``.
    """

    name: str
    features: frozenset[str]
    files: dict[str, str]
    links: dict[str, str]
    refused: str

    @property
    def expected_path(self) -> Path:
        """Where kubectl's answer is kept."""
        return CASES / f"{self.name}.expected"

    def write(self, root: Path) -> Path:
        """Write the input tree; return the directory to build."""
        for path, text in self.files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        for path, target in self.links.items():
            (root / path).symlink_to(target)
        return root / "overlay" if any(path.startswith("overlay/") for path in self.files) else root


def read_case(path: Path) -> Case:
    """One case of the table."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Case(
        str(path.relative_to(CASES).with_suffix("")),
        frozenset(data["features"]),
        data["files"],
        data.get("links", {}),
        data.get("refused", ""),
    )


def all_cases() -> list[Case]:
    """The whole table, by name."""
    return [read_case(path) for path in sorted(CASES.glob("*/*.yaml"))]


def ask_kubectl(directory: Path) -> str:
    """What ``kubectl kustomize`` prints, or :data:`REFUSAL`."""
    done = subprocess.run(
        [str(KUBECTL), "kustomize", str(directory)],
        capture_output=True,
        check=False,
        env={"GOGC": "off", "PATH": os.defpath},  # no garbage collection: half the time
        text=True,
        timeout=120,
    )
    return REFUSAL if done.returncode else done.stdout
