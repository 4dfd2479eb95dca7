"""Write what kubectl prints for the cases and overlays: ``python -m tests.conformance.regenerate [NAME…]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.conformance.table import OVERLAYS, all_cases, ask_kubectl, overlays


def main(names: list[str]) -> int:
    """Regenerate the named cases and overlays, or all."""
    for case in all_cases():
        if not names or case.name in names:
            with tempfile.TemporaryDirectory() as root:
                case.expected_path.write_text(ask_kubectl(case.write(Path(root))), encoding="utf-8")
    OVERLAYS.mkdir(exist_ok=True)
    for overlay in overlays():
        if not names or overlay.name in names:
            (OVERLAYS / f"{overlay.name}.expected").write_text(ask_kubectl(overlay), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
