"""Two instances at the same time: each has what belongs to it, and taking one down leaves the other as it was."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from brics_envs.plan.names import Instance
from tests.support.commands import ok
from tests.support.ports import free_port
from tests.support.world import One, World


@pytest.fixture(scope="module")
def two(own_world: World) -> Iterator[tuple[One, One]]:
    """Two instances, brought up at the same time."""
    both = tuple(One(own_world, Instance(name), free_port()) for name in ("lc-one", "lc-two"))
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda one: one.up(), both))
    yield both[0], both[1]
    own_world.invoke("down", "--all")


def test_both_run_jobs_of_their_own(two: tuple[One, One]) -> None:
    one, other = two
    passwords = {(each.directory / "password").read_text() for each in two}
    assert len(passwords) == 2
    clients = [each.client() for each in two]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda client: client.start(brics_project="project1.brics"), clients))
    for client in clients:
        assert client.run("import getpass; print(getpass.getuser())").strip() == "testuser.project1"
    assert (len(one.jobs()), len(other.jobs())) == (1, 1)
    clients[0].stop()
    assert (one.jobs(), len(other.jobs())) == ([], 1)


def test_one_cannot_be_signed_in_to_with_the_password_of_the_other(two: tuple[One, One]) -> None:
    one, other = two
    client = other.client()
    client.url = one.url.rstrip("/")
    client.http.cookies.clear()
    page = client.sign_in("testuser", (other.directory / "password").read_text())
    assert not client.signed_in
    assert page.status_code in (200, 401, 403)


def test_down_of_one_leaves_the_other(two: tuple[One, One]) -> None:
    one, other = two
    client, jobs, containers = other.client(), other.jobs(), other.container_ids()
    assert jobs
    one.down("--keep-volumes")
    assert other.container_ids() == containers
    assert client.signed_in
    assert other.jobs() == jobs
    now = other.world.things()
    assert {image.split()[0] for image in now.images} >= {
        "localhost/brics_jupyterhub:dev-lc-two",
        "localhost/brics_slurm:dev-lc-two",
    }
    assert now.secrets
    assert all(name.endswith("-lc-two") for name in now.secrets)
    assert other.directory.is_dir()
    again = other.up()
    assert other.container_ids() == containers
    assert "changed" not in again.stderr


def test_down_all(two: tuple[One, One]) -> None:
    _, other = two
    done = ok(other.world.invoke("down", "--all"))
    for name in ("default", "lc-one", "lc-two"):
        assert f"instance {name}" in done.stdout
    left = other.world.things()
    assert (left.pods, left.containers, left.volumes, left.secrets) == (frozenset(),) * 4
    assert left.networks == {"podman"}
    assert not [image for image in left.images if ":dev-lc-one" in image or ":dev-lc-two" in image]
    assert not (other.world.root / "_build").exists()
