"""Finds modules that a package's build has made where the package's source is another directory by now.

Imported by ``brics_generated.pth`` whenever Python starts; asked last, for what no one else finds.
"""

import sys
from importlib.machinery import PathFinder

SOURCE = "/opt/src/"
KEPT = f"{sys.prefix}/share/brics-generated/"


class Finder:
    """A finder for modules inside packages below ``/opt/src``."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """The module in the copy of what the build made, if it is there."""
        places = [KEPT + place[len(SOURCE) :] for place in path or () if place.startswith(SOURCE)]
        spec = PathFinder.find_spec(name, places, target) if places else None
        # A folder alone is no module.
        return spec if spec and spec.origin else None


sys.meta_path.append(Finder)
