"""Whose is what podman has: own things, those of another checkout, and those of somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from brics_envs.errors import BAD_INPUT, ConfigError
from brics_envs.plan.names import Checkout, Instance
from brics_envs.plan.ownership import Inventory, Kind, Thing, refuse_foreign, refuse_other_checkout

HERE = Checkout("1111", Path("/here"))
OTHER = Checkout("2222", Path("/other"))
TWO = Instance("two")


def thing(
    kind: Kind = "volume",
    name: str = "x",
    *,
    instance: Instance = TWO,
    checkout: Checkout | None = HERE,
    folder: bool = True,
) -> Thing:
    labels = dict(instance.labels)
    if checkout is not None:
        labels |= checkout.labels if folder else {"brics.checkout": checkout.id}
    return Thing(kind, name, labels)


def inventory(*things: Thing, checkout: Checkout = HERE, adopts_unmarked: bool = False) -> Inventory:
    return Inventory(things, TWO, checkout, adopts_unmarked)


def test_own_things_carry_project_instance_and_checkout() -> None:
    own = thing()
    found = inventory(own, thing(instance=Instance("three")), Thing("volume", "y", {}))
    assert found.own.things == (own,)
    assert found.others.things == ()


def test_labels_of_another_project_prove_nothing() -> None:
    labels = {**thing().labels, "app.kubernetes.io/part-of": "something-else"}
    assert inventory(Thing("volume", "x", labels)).own.things == ()


def test_the_same_folder_adopts_its_own_when_the_id_was_lost() -> None:
    volume, pod = thing(), thing("pod", folder=False)
    found = inventory(volume, pod, checkout=Checkout("", HERE.folder))
    assert found.own.things == (volume, pod)
    refuse_other_checkout(found)


def test_things_of_an_older_version_are_adopted_where_they_were_made() -> None:
    old = thing(checkout=None)
    assert inventory(old, adopts_unmarked=True).own.things == (old,)
    assert inventory(old).others.things == (old,)
    assert len(inventory(old, thing("pod")).own.things) == 2
    assert len(inventory(old, thing("pod", checkout=OTHER)).others.things) == 2


def test_an_instance_of_another_checkout_is_refused_by_its_folder() -> None:
    with pytest.raises(ConfigError, match="instance two belongs to the checkout in /other") as error:
        refuse_other_checkout(inventory(thing("pod", checkout=OTHER, folder=False), thing(checkout=OTHER)))
    assert error.value.exit_status == BAD_INPUT
    assert "invoke down --instance two --force" in error.value.hint


def test_a_checkout_without_id_owns_nothing_of_another() -> None:
    nameless = Thing("volume", "x", TWO.labels | {"brics.checkout": ""})
    assert inventory(nameless, checkout=Checkout("", Path("/new"))).own.things == ()


@pytest.mark.parametrize("kind", ["pod", "container", "volume", "network", "secret", "image"])
@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/part-of": "brics"}, Instance("three").labels])
def test_a_name_alone_is_refused_before_anything_is_changed(kind: Kind, labels: dict[str, str]) -> None:
    if kind == "image" and labels == Instance("three").labels:
        labels = {}
    with pytest.raises(ConfigError, match=f"{kind} x is not this project's") as error:
        refuse_foreign(inventory(Thing(kind, "x", labels), thing("pod", "y")), {(kind, "x"), ("pod", "y")})
    assert error.value.exit_status == BAD_INPUT
    assert "podman" in error.value.hint
    assert " x" in error.value.hint


def test_other_names_and_own_images_are_no_matter() -> None:
    image = Thing("image", "i", {"app.kubernetes.io/part-of": "brics-jupyterhub-envs"})
    refuse_foreign(
        inventory(Thing("volume", "theirs", {}), image, thing()), {("volume", "x"), ("image", "i")}
    )
