"""The project's overlays, and what kubectl printed for each.

After a change below ``k8s/``: ``python -m tests.conformance.overlays``.
"""

from __future__ import annotations

from pathlib import Path

from pykustomize.tests.conformance.table import ask_kubectl

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
EXPECTED = HERE / "overlays"


def overlays() -> list[Path]:
    """Every overlay of the project."""
    return sorted(path.parent for path in (ROOT / "k8s/overlays").glob("*/kustomization.yaml"))


def expected_path(overlay: Path) -> Path:
    """Where kubectl's answer is kept."""
    return EXPECTED / f"{overlay.name}.expected"


def regenerate() -> None:
    """Write what kubectl prints now."""
    EXPECTED.mkdir(exist_ok=True)
    for overlay in overlays():
        expected_path(overlay).write_text(ask_kubectl(overlay), encoding="utf-8")


if __name__ == "__main__":
    regenerate()
