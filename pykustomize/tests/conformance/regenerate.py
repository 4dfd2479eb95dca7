"""Write what kubectl prints for the cases: ``python -m pykustomize.tests.conformance.regenerate [FEATURE/NAME…]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pykustomize.tests.conformance.table import all_cases, ask_kubectl


def main(names: list[str]) -> int:
    """Regenerate the named cases, or all."""
    for case in all_cases():
        if not names or case.name in names:
            with tempfile.TemporaryDirectory() as root:
                case.expected_path.write_text(ask_kubectl(case.write(Path(root))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
