"""Keeps the modules that building a package made inside its source, as setuptools-scm's version file.

Runs while an image is built, with the interpreter of the environment in which the package NAME was installed editable
from ``/opt/src/NAME``. Whoever mounts another directory there hides these modules: ``brics_generated``, installed here
too, finds the copies. Everything that is copied into an image has one date; what is younger was made there.
"""

import shutil
import sys
import sysconfig
from pathlib import Path

COPIED_S = 946684800
"""The date of a snapshot's files (brics_envs/effects/snapshot.py), in seconds since 1970."""

NAME = sys.argv[1]
SOURCE = Path("/opt/src", NAME)
KEPT = Path(sys.prefix, "share/brics-generated", NAME)
MODULES = Path(sysconfig.get_path("purelib"))

for module in SOURCE.rglob("*.py"):
    relative = module.relative_to(SOURCE)
    if module.stat().st_mtime != COPIED_S and relative.parts[0] != "build":
        (KEPT / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module, KEPT / relative)
shutil.copyfile(Path(__file__).with_name("brics_generated.py"), MODULES / "brics_generated.py")
(MODULES / "brics_generated.pth").write_text("import brics_generated\n")
