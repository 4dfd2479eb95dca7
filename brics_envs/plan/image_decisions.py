"""Which images are kept and which are made anew; pure. May import: config, plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
from brics_envs.plan.names import LABEL_BASE_ID, LABEL_BASE_RECIPE, LABEL_INPUTS

FilesDigest = Callable[[tuple[Path, ...]], str]
"""Gives the digest of the contents of files and folders."""


@dataclass(frozen=True)
class PresentImage:
    """An image in podman's storage."""

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def inputs(self) -> str | None:
        """The digest of what it was made of, if it is ours."""
        return self.labels.get(LABEL_INPUTS)


@dataclass(frozen=True)
class Decision:
    """An image; ``id`` is that of the one which is kept, none if it has to be made; ``why`` is the reason.

    ``same_as`` is the name of an image made of the very same, of another instance, or the ID of one that has lost its
    name: it gets this name too. ``base_id``
    is the image that it is built on, if that is not the one that has the base's name (or is about to get it);
    ``recipe`` is the digest of what its base is to be made of.
    """

    image: Image
    id: str | None
    why: str
    same_as: str = ""
    base_id: str = ""
    recipe: str = ""

    def __str__(self) -> str:
        tag = self.image.tag
        if self.same_as:
            return f"tag {self.same_as} as {tag}, too"
        if self.id:
            return f"keep {tag}"
        return f"{'pull' if isinstance(self.image, RegistryImage) else 'build'} {tag}: {self.why}"


@dataclass(frozen=True)
class Storage:
    """What decisions depend on beside the wanted images: podman's images by all their names, and files' contents.

    ``has`` tells whether there is an image with an ID, whatever names it has.
    """

    images: Mapping[str, PresentImage]
    files_digest: FilesDigest
    has: Callable[[str], bool]

    def digest(self, image: Build | DebianRoot, base: str) -> str:
        """The digest of all that would go into an image now.

        :param base: the ID of the image that it is built on; or that one's recipe, for the recipe of this one.
        """
        return inputs_digest(image, self.files_digest(image.files if isinstance(image, Build) else ()), base)


def decide(
    images: tuple[Image, ...], storage: Storage, *, rebuild: bool = False, refresh: bool = False
) -> list[Decision]:
    """Say of each image whether it is kept.

    What an image was built on stays what it is built on, as long as that is to be made of the same, and whoever has
    given the base's name to a newer one: nothing but a change of what is asked for moves an instance's images.

    :param images: each behind the one that it is built on.
    :param rebuild: build all that is built here.
    :param refresh: pull anew all that is pulled, too, unless a digest says what it is.
    :returns: what is needed, in the same order; bases of what is kept are not.
    """
    recipes: dict[str, str] = {}
    decisions: dict[str, Decision] = {}
    for image in images:
        below = recipes[image.base] if image.base else ""
        recipes[image.tag] = image.tag if isinstance(image, RegistryImage) else storage.digest(image, below)
        base = decisions[image.base] if image.base else None
        if isinstance(image, RegistryImage):
            decisions[image.tag] = _decide_pull(image, storage, refresh)
        else:
            decisions[image.tag] = _decide_build(image, storage, base, below, rebuild or refresh)
    return _needed(list(decisions.values()))


def local_base_is_ready(base: str, project_root: Path, versions: Versions, storage: Storage) -> bool:
    """Whether an up-to-date local equivalent of a base is there already."""
    decisions = decide(local_base(base, project_root, versions), storage)
    return all(decision.id for decision in decisions)


def _decide_pull(image: RegistryImage, storage: Storage, refresh: bool) -> Decision:
    own = storage.images.get(image.tag)
    if own is None:
        return Decision(image, None, "not there yet")
    if refresh and not image.pinned:
        return Decision(image, None, "--refresh")
    return Decision(image, own.id, "")


def _decide_build(
    image: Build | DebianRoot, storage: Storage, base: Decision | None, recipe: str, rebuild: bool
) -> Decision:
    own = storage.images.get(image.tag)
    if rebuild:
        return Decision(image, None, "to be rebuilt" if own else "not there yet", recipe=recipe)
    before, now = _base_before(own, recipe), base.id if base and base.id else ""
    if own and own.inputs == storage.digest(image, before or now) and _has_recipe(own, recipe):
        return Decision(image, own.id, "")
    if before and not storage.has(before):
        before = ""
    if not before and base is not None and base.id is None:
        return Decision(image, None, f"{base.image.tag} is new" if own else "not there yet", recipe=recipe)
    digest = storage.digest(image, before or now)
    # podman would find every layer in its cache, but only after reading again what each of them copies.
    repository = image.tag.rpartition(":")[0]
    # Those that have a name first: that is the one which is shown.
    for name, other in sorted(storage.images.items(), key=lambda item: item[0] == item[1].id):
        fits = name.rpartition(":")[0] == repository or name == other.id
        if fits and other.inputs == digest and _has_recipe(other, recipe):
            return Decision(image, other.id, "", same_as=name)
    why = "its sources have changed" if own else "not there yet"
    return Decision(image, None, why, base_id=before, recipe=recipe)


def _base_before(own: PresentImage | None, recipe: str) -> str:
    """The ID of what an image was built on, if that would be made of the same now."""
    if own is None or not recipe or own.labels.get(LABEL_BASE_RECIPE) != recipe:
        return ""
    return own.labels.get(LABEL_BASE_ID, "")


def _has_recipe(image: PresentImage, recipe: str) -> bool:
    """Whether the image's base was made of that recipe: else it would not say what its base is to stay.

    Two recipes can give one base: a registry's image and the local one that was pushed there.
    """
    return image.labels.get(LABEL_BASE_RECIPE, recipe) == recipe


def _needed(decisions: list[Decision]) -> list[Decision]:
    """Without the bases that nothing is built on now."""
    bases = {decision.image.base for decision in decisions}
    wanted = {decision.image.tag for decision in decisions} - bases
    for decision in reversed(decisions):
        if decision.image.tag in wanted and decision.id is None and not decision.base_id:
            wanted.add(decision.image.base or "")
    return [decision for decision in decisions if decision.image.tag in wanted]
