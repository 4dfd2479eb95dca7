"""``python -m brics_envs.kustomize DIR``: :mod:`pykustomize` by the name that scripts know. May import: nothing."""

from __future__ import annotations

import sys

from pykustomize import KustomizeError, build, dump
from pykustomize.__main__ import main

__all__ = ["KustomizeError", "build", "dump"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
