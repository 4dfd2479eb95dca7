"""``kubectl kustomize`` in Python: the merge of bases, components and overlays into documents.

Pure: it reads files and starts nothing. What it accepts it builds equal to kubectl 1.37; what it cannot build equal
it refuses by name (:class:`KustomizeError`). It imports PyYAML, RE2 and the standard library.

``build.py`` is the whole story; README.md says which module does what.
"""

from __future__ import annotations

from pykustomize.build import build
from pykustomize.errors import KustomizeError
from pykustomize.writer import dump

__all__ = ["KustomizeError", "build", "dump"]
