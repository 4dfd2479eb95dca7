"""Processes that tests and their stand-ins start."""

from __future__ import annotations

from pathlib import Path


def is_alive(pid: int | str) -> bool:
    """Whether a process is there and no zombie: in a container nobody may take those away."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
