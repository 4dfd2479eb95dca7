"""The inputs that an instance was made from, in ``_build/NAME``. May import: effects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from brics_envs.effects.files import write_private

MANIFEST = "jh_slurm_pod.yaml"
"""The rendered manifest's file, beside it."""

APPLIED = "applied.json"


def has_files(directory: Path) -> bool:
    """Whether an instance was made from this ``_build/NAME``."""
    return (directory / MANIFEST).exists() or (directory / APPLIED).exists()


def save_digests(directory: Path, digests: Mapping[str, str]) -> None:
    """Keep what the instance was made from, to be able to say later what has changed."""
    write_private(directory / APPLIED, json.dumps({"digests": digests}, indent=2).encode())


def load_digests(directory: Path) -> dict[str, str] | None:
    """What the instance was made from, input → digest; none if that is not known (any more)."""
    try:
        return dict(json.loads((directory / APPLIED).read_text())["digests"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
