"""Reading files and directories below the root that kubectl allows them to come from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pykustomize.errors import KustomizeError

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True)
class Root:
    """One kustomization directory, and those that led to it.

    :param path: the directory, absolute, without symbolic links.
    :param parents: the directories whose kustomizations are being read.
    """

    path: Path
    parents: tuple[Path, ...] = ()

    def kustomization(self) -> Path:
        """The directory's kustomization file.

        :raises KustomizeError: there is none, or more than one.
        """
        found = [self.path / name for name in FILE_NAMES if (self.path / name).is_file()]
        if not found:
            raise KustomizeError(self.path, f"has none of {', '.join(FILE_NAMES)}")
        if len(found) > 1:
            raise KustomizeError(self.path, f"has both {found[0].name} and {found[1].name}")
        self._inside(found[0], found[0].name)
        return found[0]

    def read(self, name: str) -> bytes:
        """The contents of a file below this directory.

        :raises KustomizeError: it does not exist, or it is outside.
        """
        path = self._local(name)
        if not path.is_file():
            raise KustomizeError(path, "there is no such file")
        self._inside(path, name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise KustomizeError(path, f"cannot be read: {error.strerror}") from error

    def is_directory(self, name: str) -> bool:
        """Whether ``name`` is a directory."""
        return self._local(name).is_dir()

    def enter(self, name: str) -> Root:
        """Another kustomization directory, which may be anywhere.

        :raises KustomizeError: it does not exist, or it leads back to where we are.
        """
        path = self._local(name)
        if not path.is_dir():
            raise KustomizeError(path, "there is no such directory")
        path = path.resolve()
        visited = (*self.parents, self.path)
        for other in visited:
            if other == path or other.is_relative_to(path):
                raise KustomizeError(
                    self.path, f"'{name}' is a cycle: it is or contains {other}, which is being built"
                )
        return Root(path, visited)

    def _local(self, name: str) -> Path:
        if "://" in name or name.startswith("git@") or Path(name).is_absolute() or not name:
            raise KustomizeError(self.path, f"'{name}' is not a relative path")
        # As for kubectl, ".." takes the name before it away, even if that is a link.
        return Path(os.path.normpath(self.path / name))

    def _inside(self, path: Path, name: str) -> None:
        if not path.resolve().is_relative_to(self.path):
            raise KustomizeError(self.path, f"the file '{name}' is outside of this directory")
