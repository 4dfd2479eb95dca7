"""``kubectl kustomize`` in Python: the merge of bases, components and overlays into documents.

Pure: it reads files and starts nothing. What it accepts it builds equal to kubectl 1.37; what it cannot build equal
it refuses by name (:class:`KustomizeError`). It imports PyYAML, RE2, ``brics_envs.errors`` and the standard library.

``build.py`` is the whole story: read (``files``, ``reader``, ``kustomization``), generate (``generators``), patch
(``patches``, ``merge``, ``json6902``, ``selectors``), transform (``transform``, ``fieldspecs``), follow references
(``references``), write (``writer``). ``schema`` holds what is known about Kubernetes' types.
"""

from __future__ import annotations

from brics_envs.kustomize.build import build
from brics_envs.kustomize.errors import KustomizeError
from brics_envs.kustomize.writer import dump

__all__ = ["KustomizeError", "build", "dump"]
