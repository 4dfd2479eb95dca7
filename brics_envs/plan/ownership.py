"""Whose is what podman has? Nothing of anybody else's is replaced or removed. Pure. May import: errors, plan.names.

A name alone proves nothing: an instance's own things are those that carry the labels of the project, of the instance
and of the checkout that made it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from brics_envs.errors import ConfigError
from brics_envs.plan.names import (
    LABEL_CHECKOUT,
    LABEL_FOLDER,
    LABEL_INSTANCE,
    LABEL_PROJECT,
    PROJECT,
    Checkout,
    Instance,
)

Kind = Literal["pod", "container", "volume", "network", "secret", "image"]

REMOVE: Mapping[Kind, str] = {
    "pod": "podman pod rm --force",
    "container": "podman rm --force",
    "volume": "podman volume rm",
    "network": "podman network rm",
    "secret": "podman secret rm",
    "image": "podman untag",
}
"""The command that removes a thing of each kind, or frees its name."""


@dataclass(frozen=True)
class Thing:
    """Something that podman has. What podman gives no labels has those that are found in its contents or its user."""

    kind: Kind
    name: str
    labels: Mapping[str, str]

    def is_of(self, instance: Instance) -> bool:
        """Whether it carries the label of an instance of that name, of whatever checkout."""
        return self.labels.get(LABEL_INSTANCE) == instance.name

    @property
    def is_projects(self) -> bool:
        """Whether it carries the project's label."""
        return self.labels.get(LABEL_PROJECT) == PROJECT


@dataclass(frozen=True)
class Existing:
    """An instance's own things, by kind; of no other checkout's and of nobody else's."""

    things: tuple[Thing, ...] = ()

    def names(self, kind: Kind) -> list[str]:
        """The names of a kind, sorted."""
        return sorted(thing.name for thing in self.things if thing.kind == kind)

    def has(self, kind: Kind, name: str) -> bool:
        """Whether there is that thing."""
        return any((thing.kind, thing.name) == (kind, name) for thing in self.things)


@dataclass(frozen=True)
class Inventory:
    """What podman has, as the owner of an instance sees it.

    ``adopts_unmarked``: things of the instance that name no checkout, as older versions made them, are this one's.
    """

    things: tuple[Thing, ...]
    instance: Instance
    checkout: Checkout
    adopts_unmarked: bool = False

    @property
    def own(self) -> Existing:
        """The instance's things, as far as this checkout made them."""
        return Existing(tuple(thing for thing in self._of_instance if self._is_own(thing)))

    @property
    def others(self) -> Existing:
        """The instance's things, as far as another checkout made them."""
        return Existing(tuple(thing for thing in self._of_instance if not self._is_own(thing)))

    @property
    def images(self) -> list[str]:
        """The names of the project's images among them."""
        return sorted(thing.name for thing in self.things if thing.kind == "image" and thing.is_projects)

    def foreign(self, wanted: Collection[tuple[Kind, str]]) -> Existing:
        """Those that have a wanted name, and that the project did not make, or not for this instance."""
        return Existing(
            tuple(
                thing
                for thing in self.things
                if (thing.kind, thing.name) in wanted
                and thing not in self._of_instance
                and not (thing.kind == "image" and thing.is_projects)
            )
        )

    @property
    def _of_instance(self) -> list[Thing]:
        return [thing for thing in self.things if thing.is_projects and thing.is_of(self.instance)]

    @property
    def _ids(self) -> set[str]:
        """This checkout's ID, and former ones of the same folder: the file that keeps it may have been lost."""
        folder = str(self.checkout.folder)
        return {self.checkout.id} | {
            thing.labels.get(LABEL_CHECKOUT, "")
            for thing in self._of_instance
            if thing.labels.get(LABEL_FOLDER) == folder
        }

    def _is_own(self, thing: Thing) -> bool:
        ids = self._ids - {""}
        if LABEL_CHECKOUT in thing.labels:
            return thing.labels[LABEL_CHECKOUT] in ids
        # Volumes outlive the version that made them, and podman cannot label them later.
        return self.adopts_unmarked or any(t.labels.get(LABEL_CHECKOUT) in ids for t in self._of_instance)


def refuse_other_checkout(inventory: Inventory) -> None:
    """Refuse to touch an instance of another checkout.

    :raises ConfigError: there is something of it; names the folder of the checkout, if it is known.
    """
    others = inventory.others.things
    if not others:
        return
    name = inventory.instance.name
    raise ConfigError(
        f"instance {name} belongs to {folder_of(others)}",
        hint=f"choose another --instance NAME (and --port); `invoke down --instance {name}` there removes it, "
        f"`invoke down --instance {name} --force` does from here",
    )


def refuse_foreign(inventory: Inventory, wanted: Collection[tuple[Kind, str]]) -> None:
    """Refuse to go on where somebody else's thing has a name that is needed.

    :param wanted: (kind, name) of all that is to be made.
    :raises ConfigError: a line for each such thing.
    """
    foreign = inventory.foreign(wanted).things
    if not foreign:
        return
    commands = "; ".join(f"`{REMOVE[thing.kind]} {thing.name}`" for thing in foreign)
    lost = " (its contents are lost)" if any(thing.kind == "volume" for thing in foreign) else ""
    rename = next((f"; `podman rename {t.name} NAME` keeps it" for t in foreign if t.kind == "container"), "")
    raise ConfigError(
        "\n".join(
            f"{thing.kind} {thing.name} is not this project's: it lacks its labels" for thing in foreign
        ),
        hint=f"choose another --instance NAME, or remove what is in the way: {commands}{lost}{rename}",
    )


def folder_of(things: Iterable[Thing]) -> str:
    """The checkout that made things, in words."""
    folders = sorted({thing.labels[LABEL_FOLDER] for thing in things if LABEL_FOLDER in thing.labels})
    return f"the checkout in {folders[0]}" if folders else "another checkout, whose folder is not known"
