"""Only what is ours: what others made, and what another checkout made, is neither replaced nor removed."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from brics_envs.plan.names import Instance
from tests.support.commands import ok
from tests.support.older_version import make_older
from tests.support.ports import free_port
from tests.support.world import One, Things, World

OWN = "jupyterhub-slurm-lc-mine"


@pytest.fixture(scope="module")
def foreign(own_world: World) -> Iterator[World]:
    """A world with an image that is nobody's of ours, from which foreign things are made."""
    own_world.podman("pull", "--quiet", "localhost/brics_debian:trixie", check=False)
    yield own_world
    own_world.invoke("down", "--all")


def without_images(found: World) -> Things:
    """What there is but for images: it sees those that others build meanwhile."""
    return dataclasses.replace(found.things(), images=frozenset())


MAKE = {
    "volume": (("volume", "create", "deploy-config-lc-mine"), "deploy-config-lc-mine"),
    "volume-of-a-secret": (("volume", "create", f"{OWN.replace('-lc-mine', '')}-ssh-client-key-lc-mine"), ""),
    "volume-with-half-our-labels": (
        ("volume", "create", "--label=app.kubernetes.io/instance=lc-mine", "jupyterhub_root_lc-mine"),
        "jupyterhub_root_lc-mine",
    ),
    "secret": (("secret", "create", "deploy-secret-lc-mine", "/etc/hostname"), "deploy-secret-lc-mine"),
    "network": (("network", "create", f"{OWN.replace('-lc-mine', '')}-network-lc-mine"), ""),
    "pod": (("pod", "create", f"--name={OWN}"), OWN),
    "container": (
        (
            "create",
            f"--name={OWN}-slurm",
            "--label=app.kubernetes.io/part-of=x",
            "localhost/brics_debian:trixie",
        ),
        f"{OWN}-slurm",
    ),
}


@pytest.mark.parametrize("kind", MAKE)
def test_a_foreign_thing_with_our_name_is_refused_and_left_alone(foreign: World, kind: str) -> None:
    one = One(foreign, Instance("lc-mine"), free_port())
    command, name = MAKE[kind]
    name = name or command[-1]
    foreign.podman(*command)
    try:
        before = without_images(foreign)
        done = foreign.invoke("up", *one.options)
        assert done.status == 2
        assert name in done.stderr
        assert f"{kind.partition('-')[0]} {name} is not this project's" in done.stderr
        assert without_images(foreign) == before
        assert foreign.invoke("down", *one.option).status == 0
        assert without_images(foreign) == before
    finally:
        noun = () if kind == "container" else (kind.partition("-")[0],)
        foreign.podman(*noun, "rm", *(("--force",) if kind in ("pod", "container") else ()), name)


@pytest.fixture(scope="module")
def mine(one: One) -> One:
    """An instance that is up, with a running job whose end would show."""
    one.up()
    one.client().start(brics_project="project1.brics")
    return one


@pytest.fixture(scope="module")
def second(mine: One, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A second checkout of the same user, on the same podman."""
    return mine.world.copied(tmp_path_factory.mktemp("second"))


def test_everything_that_can_carry_labels_says_whose_it_is(mine: One) -> None:
    ask = ("--filter=label=app.kubernetes.io/part-of=brics-jupyterhub-envs", "--format=json")
    found = {
        kind: json.loads(mine.world.podman(*words, *ask))
        for kind, words in {
            "pods": ("pod", "ps"),
            "volumes": ("volume", "ls"),
            "networks": ("network", "ls"),
        }.items()
    }
    labels = [entry.get("Labels") or entry.get("labels") for entries in found.values() for entry in entries]
    assert len({each["brics.checkout"] for each in labels}) == 1
    assert all(each["app.kubernetes.io/instance"] == mine.instance.name for each in labels)
    everything = mine.world.things()
    assert len(found["volumes"]) == len(everything.volumes)
    folders = {entry["Labels"]["brics.checkout-folder"] for entry in found["volumes"]}
    assert folders == {str(mine.world.root)}


def test_a_second_checkout_does_not_take_the_instance_over(mine: One, second: World) -> None:
    jobs, containers = mine.jobs(), mine.container_ids()
    other = One(second, mine.instance, free_port())
    for command in (("up", *other.options), ("up", *other.options, "--dry-run"), ("down", *other.option)):
        done = second.invoke(*command)
        assert done.status == 2, command
        assert f"instance {mine.instance.name} belongs to the checkout in {mine.world.root}" in done.stderr
    assert second.invoke("down", "--all").status == 0
    assert (mine.jobs(), mine.container_ids()) == (jobs, containers)
    assert not (second.root / "_build").exists()


def test_status_of_another_checkouts_instance_was_asked_for(mine: One, second: World) -> None:
    def state() -> str:
        answer = json.loads(ok(second.invoke("status", *mine.option, "--json")).stdout)
        return str(answer["instances"][0]["state"])

    assert state() == "ready"
    mine.run("slurm", "pkill", "-STOP", "slurmctld")
    try:
        assert state() != "ready"
    finally:
        mine.run("slurm", "pkill", "-CONT", "slurmctld")


def test_the_same_folder_adopts_its_own_when_what_it_knew_is_lost(mine: One) -> None:
    jobs = mine.jobs()
    state = Path(mine.world.environment["XDG_STATE_HOME"])
    shutil.rmtree(state)
    ok(mine.world.invoke("up", *mine.options, "--dry-run"))
    assert mine.jobs() == jobs
    shutil.rmtree(mine.directory)
    mine.up()
    assert mine.client().signed_in


def test_clean_leaves_the_images_of_another_checkout(mine: One, second: World) -> None:
    empty = Path(mine.world.environment["TMPDIR"], "empty.tar")
    with tarfile.open(empty, "w"):
        pass
    label = "--change=LABEL app.kubernetes.io/part-of=brics-jupyterhub-envs"
    mine.world.podman("import", label, str(empty), "localhost/brics_slurm:dev-nobodys")
    ok(second.invoke("clean"))
    left = {name.split()[0] for name in mine.world.things().images}
    assert "localhost/brics_slurm:dev-lc-one" in left
    assert "localhost/brics_slurm:dev-nobodys" not in left
    mine.down("--keep-volumes")
    kept = Path(mine.world.environment["XDG_STATE_HOME"]).rglob("*.json")
    assert not any("dev-lc-one" in file.read_text() for file in kept)


def test_an_instance_of_an_older_version_is_adopted_with_its_data(mine: One) -> None:
    mine.up()
    mine.run("slurm", "su", "testuser.project1", "-s", "/bin/sh", "-c", "echo kept > ~/kept")
    make_older(mine.instance, mine.directory, mine.world.podman)
    mine.up()
    assert mine.run("slurm", "cat", "/home/project1/testuser.project1/kept") == "kept"
    mine.down()
    left = mine.world.things()
    assert (left.pods, left.volumes, left.secrets) == (frozenset(),) * 3


def test_another_checkout_can_remove_it_on_purpose(mine: One, second: World) -> None:
    mine.up()
    ok(second.invoke("down", *mine.option, "--force"))
    left = mine.world.things()
    assert (left.pods, left.volumes, left.secrets) == (frozenset(),) * 3


def test_down_all_leaves_the_default_instance_of_another_checkout(mine: One, second: World) -> None:
    labels = (f"--label={key}={value}" for key, value in Instance().labels.items())
    whose = ("--label=brics.checkout=0123", "--label=brics.checkout-folder=/another")
    mine.world.podman("volume", "create", *labels, *whose, "jupyterhub_root")
    try:
        assert "nothing of this checkout was up" in ok(second.invoke("down", "--all")).stdout
        refused = second.invoke("down")
        assert refused.status == 2
        assert "belongs to the checkout in /another" in refused.stderr
        assert "jupyterhub_root" in mine.world.things().volumes
    finally:
        mine.world.podman("volume", "rm", "jupyterhub_root")
