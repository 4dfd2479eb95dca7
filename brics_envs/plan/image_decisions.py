"""Which images are kept and which are made anew; pure. May import: config, plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from brics_envs.config.versions import Versions
from brics_envs.plan.images import (
    Build,
    DebianRoot,
    Image,
    RegistryImage,
    inputs_digest,
    local_base,
)

FilesDigest = Callable[[tuple[Path, ...]], str]
"""Gives the digest of the contents of files and folders."""


@dataclass(frozen=True)
class PresentImage:
    """An image in podman's storage; ``inputs`` is the digest of what it was made of, if it is ours."""

    id: str
    inputs: str | None


@dataclass(frozen=True)
class Decision:
    """An image; ``id`` is that of the one which is kept, none if it has to be made; ``why`` is the reason.

    ``same_as`` is the name of an image made of the very same, of another instance: it gets this name too.
    """

    image: Image
    id: str | None
    why: str
    same_as: str = ""

    def __str__(self) -> str:
        tag = self.image.tag
        if self.same_as:
            return f"tag {self.same_as} as {tag}, too"
        if self.id:
            return f"keep {tag}"
        return f"{'pull' if isinstance(self.image, RegistryImage) else 'build'} {tag}: {self.why}"


@dataclass(frozen=True)
class Storage:
    """What decisions depend on beside the wanted images: podman's images by all their names, and files' contents."""

    images: Mapping[str, PresentImage]
    files_digest: FilesDigest

    def digest(self, image: Build | DebianRoot, base_id: str) -> str:
        """The digest of all that would go into an image now, on a base with this ID."""
        return inputs_digest(
            image, self.files_digest(image.files if isinstance(image, Build) else ()), base_id
        )


def decide(images: tuple[Image, ...], storage: Storage, *, rebuild: bool) -> list[Decision]:
    """Say of each image whether it is kept.

    :param images: each behind the one that it is built on.
    """
    decisions: dict[str, Decision] = {}
    for image in images:
        base = decisions[image.base] if image.base else None
        decisions[image.tag] = _decide(image, storage, base, rebuild)
    return list(decisions.values())


def local_base_is_ready(base: str, project_root: Path, versions: Versions, storage: Storage) -> bool:
    """Whether an up-to-date local equivalent of a base is there already."""
    decisions = decide(local_base(base, project_root, versions), storage, rebuild=False)
    return all(decision.id for decision in decisions)


def _decide(image: Image, storage: Storage, base: Decision | None, rebuild: bool) -> Decision:
    own = storage.images.get(image.tag)
    if isinstance(image, RegistryImage):
        return Decision(image, own.id, "") if own else Decision(image, None, "not there yet")
    if rebuild:
        return Decision(image, None, "--rebuild" if own else "not there yet")
    if base is not None and base.id is None:
        return Decision(image, None, f"{base.image.tag} is new" if own else "not there yet")
    digest = storage.digest(image, base.id if base and base.id else "")
    if own and own.inputs == digest:
        return Decision(image, own.id, "")
    # podman would find every layer in its cache, but only after reading again what each of them copies.
    repository = image.tag.rpartition(":")[0]
    for name, other in storage.images.items():
        if other.inputs == digest and name.rpartition(":")[0] == repository:
            return Decision(image, other.id, "", same_as=name)
    return Decision(image, None, "what it is made of has changed" if own else "not there yet")
