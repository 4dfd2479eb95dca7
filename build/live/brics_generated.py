"""Finds modules that a package's build has made where the package's source is another directory by now.

Imported by ``brics_generated.pth`` whenever Python starts; asked last, for what no one else finds.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder

TYPE_CHECKING = False  # typing is slow to import, and this runs whenever Python starts
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

SOURCE = "/opt/src/"
KEPT = f"{sys.prefix}/share/brics-generated/"


class Finder:
    """A finder for modules inside packages below ``/opt/src``."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module in the copy of what the build made, if it is there."""
        places = [KEPT + place[len(SOURCE) :] for place in path or () if place.startswith(SOURCE)]
        spec = PathFinder.find_spec(name, places, target) if places else None
        # A folder alone is no module.
        return spec if spec and spec.origin else None


sys.meta_path.append(Finder)
