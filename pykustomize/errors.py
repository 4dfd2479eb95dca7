"""The one exception of the package."""

from __future__ import annotations


class KustomizeError(Exception):
    """A kustomization that cannot be built, or not as ``kubectl kustomize`` would.

    :param where: the file, directory or resource that is at fault.
    :param message: what is wrong with it.
    """

    def __init__(self, where: object, message: str) -> None:
        super().__init__(f"{where}: {message}")
