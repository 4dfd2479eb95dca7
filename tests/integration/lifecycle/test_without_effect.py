"""`--dry-run` and `render` change nothing; `clean` removes this project's images and no others."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.commands import ok
from tests.support.ports import free_port
from tests.support.world import World, world

OPTIONS = ("--env", "dev_dummyauth", "--instance", "lc-dry", "--port", str(free_port()))


@pytest.fixture
def unchanged(shared_world: World) -> Iterator[World]:
    before = shared_world.things()
    yield shared_world
    assert shared_world.things() == before


def test_dry_run_names_the_steps(unchanged: World) -> None:
    shown = ok(unchanged.invoke("up", *OPTIONS, "--dry-run")).stdout
    for words in (
        "bricsauthenticator",
        "slurmspawner_wrappers",
        "tag localhost/brics_jupyterhub:dev-",
        " as localhost/brics_jupyterhub:dev-lc-dry",
        " as localhost/brics_slurm:dev-lc-dry",
        "volumes jupyterhub_root_lc-dry, slurm_root_lc-dry",
        "volume import slurm_root_lc-dry",
        "podman kube play",
        "_build/lc-dry/jh_slurm_pod.yaml",
        "ready",
    ):
        assert words in shown


def test_dry_run_says_what_would_be_cloned(unchanged: World) -> None:
    repo = "bricsauthenticator=file:///nosuch/place@v1"
    shown = ok(unchanged.invoke("up", *OPTIONS, "--dry-run", "--repo", repo)).stdout
    assert "clone file:///nosuch/place at v1 into _dev_build_data/bricsauthenticator" in shown


@pytest.mark.parametrize("more", [(), ("--show-secrets",)])
def test_render_has_markers_where_there_are_no_secrets_yet(unchanged: World, more: tuple[str, ...]) -> None:
    shown = ok(unchanged.invoke("render", *OPTIONS, *more))
    documents = list(yaml.safe_load_all(shown.stdout))
    assert {document["kind"] for document in documents} == {
        "ConfigMap",
        "PersistentVolumeClaim",
        "Pod",
        "Secret",
    }
    values = [
        v for d in documents if d["kind"] == "Secret" for k, v in d["stringData"].items() if ".pub" not in k
    ]
    assert values
    assert all("hidden" in value for value in values)
    assert "PRIVATE KEY" not in shown.stdout


def test_status_of_nothing(unchanged: World) -> None:
    assert ok(unchanged.invoke("status")).stdout.strip() == "nothing is up"
    one = yaml.safe_load(ok(unchanged.invoke("status", "--instance", "lc-dry", "--json")).stdout)
    assert [instance["state"] for instance in one["instances"]] == ["down"]
    assert yaml.safe_load(ok(unchanged.invoke("status", "--json")).stdout) == {"instances": []}


def test_clean_removes_our_images_and_no_others(tmp_path: Path) -> None:
    with world(with_images=False) as own:
        root = tmp_path / "root.tar"
        with tarfile.open(root, "w") as archive:
            entry = tarfile.TarInfo("file")
            entry.size = 1
            archive.addfile(entry, io.BytesIO(b"x"))
        label = "--change=LABEL app.kubernetes.io/part-of=brics-jupyterhub-envs"
        for number, (name, change) in enumerate(
            {
                "localhost/brics_slurm:dev-latest": label,
                "localhost/brics_jupyterhub:dev-latest": label,
                "localhost/other:1": "--change=LABEL number=1",
            }.items()
        ):
            own.podman("import", change, f"--change=LABEL number={number}", str(root), name)
        own.podman("tag", "localhost/brics_slurm:dev-latest", "localhost/brics_slurm:dev-two")
        own.podman("import", label, "--change=LABEL number=9", str(root))  # without a name
        own.podman("create", "localhost/brics_jupyterhub:dev-latest", "/file")

        said = ok(own.invoke("clean")).stdout
        assert "removed 2 images" in said
        assert "localhost/brics_jupyterhub:dev-latest" in said
        names = {image.split()[0] for image in own.things().images}
        assert names == {"localhost/brics_jupyterhub:dev-latest", "localhost/other:1"}

        own.podman("rm", "--all")
        ok(own.invoke("clean"))
        assert {image.split()[0] for image in own.things().images} == {"localhost/other:1"}
        ok(own.invoke("clean"))
