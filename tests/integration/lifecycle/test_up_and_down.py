"""`up` from nothing, its names and files, `up` again, and `down`, which leaves nothing."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
import yaml

from brics_envs.effects.process import Completed
from tests.support.commands import Measured, timed
from tests.support.running_instance import RunningInstance
from tests.support.world import One, Things

LABELS = {
    "app.kubernetes.io/part-of": "brics-jupyterhub-envs",
    "app.kubernetes.io/instance": "lc-one",
}


@pytest.fixture(scope="module")
def before(one: One) -> Things:
    return one.world.things()


@pytest.fixture(scope="module")
def first_and_seconds(one: One, before: Things) -> tuple[Completed, float]:
    """The first `up`, and the seconds that it took."""
    return timed(one.up)


@pytest.fixture(scope="module")
def first(first_and_seconds: tuple[Completed, float]) -> Completed:
    """The first `up`."""
    return first_and_seconds[0]


def test_up_says_where_and_how(one: One, first: Completed) -> None:
    password = (one.directory / "password").read_text()
    assert one.url in first.stdout
    assert password in first.stdout
    assert len(password) >= 12
    # Each step with its time.
    for step in (
        "repositories",
        "images",
        "contents of volume jupyterhub_root_lc-one",
        "pod jupyterhub-slurm-lc-one",
        "ready",
    ):
        (line,) = [line for line in first.stderr.splitlines() if f"✓ {step} " in line]
        assert line.split()[-1] == "s"
        assert float(line.split()[-2]) >= 0
    assert one.client().signed_in


def test_names_of_a_named_instance(one: One, first: Completed, before: Things) -> None:
    now = one.world.things()
    assert {pod.split()[0] for pod in now.pods} == {"jupyterhub-slurm-lc-one"}
    names = {container.split()[0] for container in now.containers}
    assert {name for name in names if not name.endswith("-infra")} == {
        "jupyterhub-slurm-lc-one-configurable-http-proxy",
        "jupyterhub-slurm-lc-one-firewall",
        "jupyterhub-slurm-lc-one-jupyterhub",
        "jupyterhub-slurm-lc-one-slurm",
    }
    assert now.volumes >= {"jupyterhub_root_lc-one", "slurm_root_lc-one", "dev-user-config-lc-one"}
    assert now.volumes >= {"deploy-config-lc-one"}
    assert all(name.endswith(("-lc-one", "_lc-one")) for name in now.volumes)
    assert now.secrets == {
        "deploy-secret-lc-one",
        "jupyterhub-slurm-metrics-lc-one",
        "jupyterhub-slurm-proxy-api-lc-one",
        "jupyterhub-slurm-ssh-client-key-lc-one",
        "jupyterhub-slurm-ssh-host-key-lc-one",
    }
    assert len(now.networks - before.networks) == 1
    tags = {image.split()[0] for image in now.images - before.images}
    assert tags >= {"localhost/brics_jupyterhub:dev-lc-one", "localhost/brics_slurm:dev-lc-one"}


def test_plain_names_of_the_default_instance(running: RunningInstance) -> None:
    end = running.instance.suffix
    volumes = {volume.name for volume in running.podman.volumes.list()}
    configs = {f"dev-user-config{end}", f"deploy-config{end}"}
    assert volumes >= {f"jupyterhub_root{end.replace('-', '_', 1)}", f"slurm_root{end.replace('-', '_', 1)}"}
    assert volumes >= configs
    containers = {container.name for container in running.podman.containers.list()}
    assert containers >= {f"jupyterhub-slurm{end}-jupyterhub", f"jupyterhub-slurm{end}-slurm"}
    pod = running.podman.containers.get(f"jupyterhub-slurm{end}-slurm")
    assert pod.attrs["Config"]["Image"] == f"localhost/brics_slurm:dev-{end[1:] or 'latest'}"
    assert running.directory.name == (end[1:] or "default")
    assert {"jh_slurm_pod.yaml", "password"} <= {file.name for file in running.directory.iterdir()}


def test_everything_is_labelled(one: One, first: Completed) -> None:
    filters = [f"--filter=label={key}={value}" for key, value in LABELS.items()]
    podman = one.world.podman
    assert podman("pod", "ps", *filters, "--format={{.Name}}") == "jupyterhub-slurm-lc-one"
    volumes = podman("volume", "ls", *filters, "--format={{.Name}}").split()
    assert {"jupyterhub_root_lc-one", "slurm_root_lc-one"} <= set(volumes)
    assert podman("network", "ls", *filters, "--format={{.Name}}")
    assert "dev_dummyauth" in podman("pod", "inspect", "jupyterhub-slurm-lc-one", "--format={{.Labels}}")


def test_generated_files_are_private(one: One, first: Completed) -> None:
    assert {"jh_slurm_pod.yaml", "password"} <= {file.name for file in one.directory.iterdir()}
    for path in (one.directory.parent, one.directory):
        assert mode(path) == 0o700
    # What the images are made of is no secret, and its modes matter to it.
    files = [path for path in one.directory.iterdir() if path.is_file()]
    assert {path.name: oct(mode(path)) for path in files if mode(path) != 0o600} == {}
    kinds = [
        document["kind"] for document in yaml.safe_load_all((one.directory / "jh_slurm_pod.yaml").read_text())
    ]
    assert kinds.count("Pod") == 1


def mode(path: Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_generated_files_are_ignored_by_git(one: One) -> None:
    ignored = (one.world.root / ".gitignore").read_text().splitlines()
    assert {"_build/", "_dev_build_data/"} <= {line.strip("/") + "/" for line in ignored}


def test_up_again_changes_nothing(
    one: One, first_and_seconds: tuple[Completed, float], measured: Measured
) -> None:
    first, first_s = first_and_seconds
    before = one.world.things()
    again, again_s = timed(one.up)
    assert again.stdout == first.stdout
    after = one.world.things()
    assert after.containers == before.containers
    assert changed(before, after) <= {"_build/lc-one/lock"}
    measured("up in a storage of its own", first_s)
    measured("up again", again_s)


def changed(before: Things, after: Things) -> set[str]:
    """The files that differ, snapshots of repositories apart, which are taken anew."""
    paths = before.files.keys() | after.files.keys()
    return {p for p in paths if before.files.get(p) != after.files.get(p) and "/context" not in p}


def test_up_after_the_pod_was_removed_by_hand(one: One, first: Completed) -> None:
    one.world.podman("pod", "rm", "--force", "--time=1", "jupyterhub-slurm-lc-one")
    one.up()
    assert one.client().signed_in


def test_up_after_kube_down(one: One, first: Completed) -> None:
    one.world.podman("kube", "down", str(one.directory / "jh_slurm_pod.yaml"))
    assert one.world.podman("pod", "ps", "--quiet") == ""
    one.up()
    assert one.client().signed_in


def test_up_after_the_generated_files_were_removed(one: One, first: Completed) -> None:
    for path in sorted(one.directory.parent.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    before = one.world.things()
    again = one.up()
    # Keys and password come back from podman's secrets, so nothing that runs has to read anew.
    assert (one.directory / "password").read_text() in again.stdout
    assert "restarting" not in again.stderr
    assert one.world.things().containers == before.containers
    assert one.client().signed_in


def test_manual_commands(one: One, first: Completed, tmp_path: Path) -> None:
    podman = one.world.podman
    archive = tmp_path / "volume.tar"
    podman("volume", "export", "jupyterhub_root_lc-one", "--output", str(archive))
    assert archive.stat().st_size > 0
    podman("pod", "stop", "--time=1", "jupyterhub-slurm-lc-one")
    podman("pod", "start", "jupyterhub-slurm-lc-one")
    podman("pod", "stop", "--time=1", "jupyterhub-slurm-lc-one")
    podman("pod", "rm", "jupyterhub-slurm-lc-one")
    for secret in ("client", "host"):
        podman("secret", "rm", f"jupyterhub-slurm-ssh-{secret}-key-lc-one")
    podman("volume", "rm", "jupyterhub_root_lc-one", "slurm_root_lc-one")


def test_down_leaves_nothing(one: One, before: Things, first: Completed) -> None:
    # From where the commands above have left it: half of it is gone.
    one.up()
    assert one.client().signed_in
    done = one.down()
    assert "is down" in done.stdout
    after = one.world.things()
    assert (after.pods, after.containers, after.secrets) == (frozenset(), frozenset(), frozenset())
    assert after.volumes == before.volumes
    assert after.networks == before.networks
    assert not [image for image in after.images if ":dev-lc-one" in image]
    assert {path for path in after.files if path.startswith("_build")} == set()
    assert after.files.keys() == before.files.keys()


def test_removed_by_hand_as_the_readme_says(one: One, before: Things, first: Completed) -> None:
    one.up()
    podman, end = one.world.podman, f"-{one.instance.name}"
    podman("pod", "stop", f"jupyterhub-slurm{end}")
    # It complains of what is gone already.
    podman("kube", "down", "--force", str(one.directory / "jh_slurm_pod.yaml"), check=False)
    podman("network", "rm", f"jupyterhub-slurm-network{end}")
    shutil.rmtree(one.directory)
    after = one.world.things()
    assert (after.pods, after.containers, after.secrets) == (frozenset(), frozenset(), frozenset())
    assert (after.volumes, after.networks) == (before.volumes, before.networks)
    one.down()


def test_down_when_nothing_is_up(one: One, first: Completed) -> None:
    before = one.world.things()
    assert "nothing was up" in one.down().stdout
    assert one.world.things() == before
