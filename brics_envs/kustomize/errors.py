"""The one exception of the merge."""

from __future__ import annotations

from brics_envs.errors import FAILED, EnvsError


class KustomizeError(EnvsError):
    """A kustomization that cannot be built, or not as ``kubectl kustomize`` would; exit status 1.

    :param where: the file, directory or resource that is at fault.
    :param message: what is wrong with it.
    """

    def __init__(self, where: object, message: str) -> None:
        super().__init__(f"{where}: {message}", exit_status=FAILED)
