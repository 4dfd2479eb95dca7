"""Every file in every layer of an image, those included that a later layer hides."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, cast

from docker.models.images import Image


class _Chunks:
    """A stream of chunks as a file that can only be read onwards."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        self._rest = self._rest or next(self._chunks, b"")
        part, self._rest = self._rest[:size], self._rest[size:]
        return part


def files_of_image(image: Image) -> Iterator[tuple[str, bytes]]:
    """(path, content) of each file, layer by layer; neither the disk nor the memory ever holds all of it."""
    with tarfile.open(fileobj=cast("IO[bytes]", _Chunks(image.save())), mode="r|") as archive:
        for layer in archive:
            if layer.isfile() and layer.name.endswith(".tar"):
                contents = archive.extractfile(layer)
                assert contents is not None
                yield from _files(contents)


def _files(layer: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=layer, mode="r|") as archive:
        for member in archive:
            if member.isfile():
                content = archive.extractfile(member)
                assert content is not None
                yield member.name, content.read()
