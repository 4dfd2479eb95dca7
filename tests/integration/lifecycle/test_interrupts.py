"""Ctrl-C in every step of `up`: an end without a traceback, nothing left running, and `up` and `down` both work."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brics_envs.plan.names import Instance
from tests.support.commands import ok
from tests.support.git_hosts import silent_host
from tests.support.ports import free_port
from tests.support.processes import command_lines
from tests.support.started_command import Started
from tests.support.world import One, Things, World, world

INTERRUPTED = 128 + signal.SIGINT
LONG_STEP = "sleep 4321"
LOCK = ".bricsauthenticator.lock"
CONTAINERFILE = "build/Containerfile.jupyterhub"


@pytest.fixture(scope="module")
def one(own_world: World) -> Iterator[One]:
    """An instance whose images are built: the steps come one by one otherwise."""
    made = One(own_world, Instance("lc-stop"), free_port())
    ok(own_world.invoke("build", "--env", "dev_dummyauth", *made.option))
    yield made
    own_world.invoke("down", "--all")


@pytest.fixture(scope="module")
def nothing(one: One) -> Things:
    """What there is when nothing is up."""
    one.down()
    return one.world.things()


def interrupted(one: One, wait: Callable[[Started], None], *more: str) -> None:
    """Interrupt `up` at a moment."""
    with Started(one.world, "up", *one.options, *more) as started:
        wait(started)
        assert started.interrupt() == INTERRUPTED
    assert "Traceback" not in started.output
    assert "error: interrupted" in started.output
    assert "invoke up" in started.output
    assert "invoke down" in started.output


def assert_nothing_is_left(one: One, nothing: Things) -> None:
    now = one.world.things()
    assert (now.pods, now.containers, now.volumes, now.secrets) == (frozenset(),) * 4
    assert now.networks == nothing.networks
    assert not [image for image in now.images if ":dev-lc-stop" in image]
    files = {
        path for path in now.files if not path.startswith("_dev_build_data")
    }  # what was cloned is the user's
    assert files == nothing.files.keys()


STEPS: dict[str, Callable[[Started], None]] = {
    "network": lambda started: started.wait_for_process("network create"),
    "volume": lambda started: started.wait_for_process("kube play", "lc-stop -"),
    "contents": lambda started: started.wait_for_process("volume import", "jupyterhub_root"),
    "pod": lambda started: started.wait_for_process("kube play", "jh_slurm_pod.yaml"),
    "ready": lambda started: started.wait_for_line("✓ pod"),
}


@pytest.mark.parametrize("step", STEPS)
def test_up_then_down(one: One, nothing: Things, step: str) -> None:
    one.down()  # whatever became of the test before
    interrupted(one, STEPS[step])
    one.down()
    assert_nothing_is_left(one, nothing)


@pytest.mark.parametrize("step", ["contents", "pod", "ready"])
def test_up_then_up(one: One, nothing: Things, step: str) -> None:
    one.down()  # whatever became of the test before
    interrupted(one, STEPS[step])
    one.up()
    assert one.client().signed_in
    if step != "ready":
        one.down()


@pytest.mark.parametrize(
    ("file", "process"),
    [("slurm.conf", "/volumes/"), ("sshd_config", "restart --time"), ("firewall.nft", "pod rm")],
)
def test_changing_what_runs(one: One, nothing: Things, file: str, process: str) -> None:
    """The instance is up from the test before, or comes up now."""
    one.up()
    edited = f"k8s/components/slurm/{file}"
    one.world.replace(edited, "\n", "\n# edited\n")
    interrupted(one, lambda started: started.wait_for_process(process))
    again = one.up()
    assert f"changed: {file}" in again.stderr or process == "pod rm"
    assert "# edited" in one.run("slurm", "cat", f"/etc/brics/slurm/{file}")
    assert one.client().signed_in


def test_down(one: One, nothing: Things) -> None:
    one.up()
    with Started(one.world, "down", *one.option) as down:
        down.wait_for_process("pod rm")
        assert down.interrupt() == INTERRUPTED
    assert "Traceback" not in down.output
    one.down()
    assert_nothing_is_left(one, nothing)


def test_reaching_and_cloning_repositories(one: One, nothing: Things) -> None:
    with silent_host() as url:
        interrupted(
            one,
            lambda started: started.wait_for_process("clone_worker"),
            "--repo",
            f"bricsauthenticator={url}",
        )
        assert {path.name for path in (one.world.root / "_dev_build_data").glob("*")} <= {LOCK}

        versions = (one.world.root / "config/versions.yaml").read_text()
        default = next(line for line in versions.splitlines() if line.startswith("  bricsauthenticator:"))
        one.world.replace("config/versions.yaml", default, f"  bricsauthenticator: {url}")
        interrupted(one, lambda started: started.wait_for_process("git", url))
        one.world.replace("config/versions.yaml", f"  bricsauthenticator: {url}", default)
    one.down()
    now = one.world.things()
    places = {path for path in now.files if path.startswith("_")}
    assert places <= {"_dev_build_data", f"_dev_build_data/{LOCK}"}
    assert not now.volumes


def test_building_an_image(one: One, nothing: Things) -> None:
    """What was interrupted does not count as built."""
    whole = (one.world.root / CONTAINERFILE).read_text()
    last = "FROM stage-base AS builder"
    step = f"USER 0:0\nRUN touch /half && {LONG_STEP}\nRUN touch /whole\nUSER 10000:10000\n"
    one.world.write(CONTAINERFILE, whole.replace(last, f"{step}\n{last}"))
    interrupted(one, lambda _: wait_for_long_step())
    assert not long_steps()
    assert "brics_jupyterhub:dev-lc-stop" not in " ".join(one.world.things().images)
    assert not one.world.podman("ps", "--quiet", "--all", "--external")
    assert left_in_tmp(one.world) == []

    one.world.replace(CONTAINERFILE, LONG_STEP, "true")
    one.up()
    assert one.run("jupyterhub", "ls", "/half", "/whole").split() == ["/half", "/whole"]
    one.world.write(CONTAINERFILE, whole)
    one.down()
    assert_nothing_is_left(one, nothing)


def wait_for_long_step() -> None:
    from tests.support.waiting import wait_for

    wait_for(long_steps, LONG_STEP, deadline_s=300)


def long_steps() -> list[str]:
    return [line for line in command_lines() if line.strip() == LONG_STEP]


def left_in_tmp(own: World) -> list[str]:
    """What commands, and podman for them, have left among the temporary files."""
    return [path.name for path in Path(own.environment["TMPDIR"]).iterdir()]


def test_making_debian() -> None:
    """From nothing at all: an empty storage."""
    with world(with_images=False) as empty:
        before = empty.things()
        with Started(empty, "build", "--env", "dev_dummyauth", "--base", "local") as started:
            started.wait_for_process("apt-get", "update")
            assert started.interrupt() == INTERRUPTED
        assert "Traceback" not in started.output
        assert "error: interrupted" in started.output
        assert empty.things().images == before.images
        assert left_in_tmp(empty) == []
        ok(empty.invoke("down"))
        assert empty.things() == before
