"""Other implementations of the dev repositories: as a URL with a REF, as a path with edits, and edited in place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brics_envs.effects.process import Completed
from brics_envs.errors import BAD_INPUT, FAILED
from tests.support.commands import ok
from tests.support.foreign_packages import make_authenticator, make_wrappers
from tests.support.git_repositories import git, state
from tests.support.waiting import wait_for
from tests.support.world import One

BOTH = ("jupyterhub", "slurm")
LAST = 2
"""Layers of a dev image that an edit concerns: the repository's files, and its installation."""

OF_ANOTHER = LAST + 2
"""Layers that another repository concerns: its metadata and what its tests need, too."""


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The authenticator's, with a later commit than its tag; the wrappers', with an edit that is not committed."""
    place = tmp_path_factory.mktemp("elsewhere")
    authenticator, wrappers = make_authenticator(place / "authenticator"), make_wrappers(place / "wrappers")
    (authenticator / "later").touch()
    git(authenticator, "add", "--all")
    git(authenticator, "commit", "--quiet", "-m", "Later than the tag")
    edit(wrappers / "src/elsewhere_slurm/commands.py")
    (wrappers / "src/elsewhere_slurm/new.py").write_text("NEW = True\n")
    return authenticator, wrappers


def edit(file: Path) -> None:
    text = file.read_text()
    assert 'MARK = "committed"' in text
    file.write_text(text.replace('MARK = "committed"', 'MARK = "edited"'))


@pytest.fixture(scope="module")
def layers_before(one: One) -> dict[str, list[str]]:
    """The layers of the images with the built-in packages."""
    builtin = ("--repo", "bricsauthenticator=builtin", "--repo", "slurmspawner_wrappers=builtin")
    ok(one.world.invoke("build", "--env", "dev_dummyauth", *one.option, *builtin))
    return {name: layers(one, name) for name in BOTH}


@pytest.fixture(scope="module")
def up(one: One, layers_before: dict[str, list[str]], repositories: tuple[Path, Path]) -> Completed:
    authenticator, wrappers = repositories
    return one.up(
        *("--repo", f"bricsauthenticator=file://{authenticator}@v7.1.0"),
        *("--repo", f"slurmspawner_wrappers={wrappers}"),
    )


def image(one: One, name: str) -> str:
    return f"localhost/brics_{name}:dev-{one.instance.name}"


def inspect(one: One, name: str, what: str) -> str:
    return one.world.podman("image", "inspect", image(one, name), f"--format={what}")


def layers(one: One, name: str) -> list[str]:
    found: list[str] = json.loads(inspect(one, name, "{{json .RootFS.Layers}}"))
    return found


def inputs(one: One, name: str) -> str:
    return inspect(one, name, '{{index .Labels "brics.inputs"}}')


def test_they_run_in_both_containers(one: One, up: Completed) -> None:
    client = one.client()
    assert "<p>elsewhere</p>" in client.get("/hub/spawn/testuser").text
    client.start(brics_project="project2.brics")
    assert client.run("import getpass; print(getpass.getuser())").strip() == "testuser.project2"
    (job,) = one.jobs()
    client.stop()
    # batchspawner goes on without a job that takes long to end.
    wait_for(lambda: one.jobs() == [], "the job has ended")
    log = one.run("slurm", "cat", "/home/project2/testuser.project2/elsewhere.log").splitlines()
    assert {"edited sbatch", "edited squeue", "edited scancel"} == set(log)
    assert job


def test_versions_are_the_repositories(one: One, up: Completed) -> None:
    version = "import importlib.metadata as m; print(m.version('{}'))"
    shown = one.run("jupyterhub", "python3", "-c", version.format("bricsauthenticator"))
    assert shown == "7.1.0"
    generated = one.run("jupyterhub", "cat", "/opt/src/bricsauthenticator/src/elsewhere_auth/_version.py")
    assert "7.1.0" in generated
    python = "/opt/slurmspawner_wrappers/bin/python"
    shown = one.run("slurm", python, "-c", version.format("slurmspawner_wrappers"))
    assert shown.startswith("7.1.1.dev0+")
    assert ".d2" in shown  # with the date of edits that are not committed


def test_path_is_used_in_place_and_ref_is_cloned(
    one: One, up: Completed, repositories: tuple[Path, Path]
) -> None:
    assert [
        path.name for path in (one.world.root / "_dev_build_data").iterdir() if not path.name.startswith(".")
    ] == ["bricsauthenticator"]
    assert "later" not in one.run("jupyterhub", "ls", "/opt/src/bricsauthenticator")
    assert (
        one.run("slurm", "cat", "/opt/src/slurmspawner_wrappers/src/elsewhere_slurm/new.py") == "NEW = True"
    )
    for container, name in (("jupyterhub", "bricsauthenticator"), ("slurm", "slurmspawner_wrappers")):
        assert ".git" not in one.run(container, "ls", "-a", f"/opt/src/{name}").split()
    assert not list(repositories[1].glob("**/_version.py")), "the path was written to"


def test_only_the_last_layers_are_built(one: One, up: Completed, layers_before: dict[str, list[str]]) -> None:
    for name in BOTH:
        before, after = layers_before[name], layers(one, name)
        assert len(after) == len(before)
        assert after[:-OF_ANOTHER] == before[:-OF_ANOTHER]
        assert after[-LAST:] != before[-LAST:]


def test_edited_clone_is_in_the_next_image_and_nothing_else_is_built(
    one: One, up: Completed, repositories: tuple[Path, Path]
) -> None:
    clone = one.world.root / "_dev_build_data/bricsauthenticator"
    edit(clone / "src/elsewhere_auth/hub.py")
    before = {name: (inspect(one, name, "{{.Id}}"), inputs(one, name), layers(one, name)) for name in BOTH}
    files = state(clone)

    # No --repo: what is in _dev_build_data is used as it is.
    done = one.up("--repo", f"slurmspawner_wrappers={repositories[1]}")
    assert "image of container jupyterhub" in done.stderr
    assert "image of container slurm" not in done.stderr
    assert 'MARK = "edited"' in one.run(
        "jupyterhub", "cat", "/opt/src/bricsauthenticator/src/elsewhere_auth/hub.py"
    )
    assert state(clone) == files

    assert (inspect(one, "slurm", "{{.Id}}"), inputs(one, "slurm")) == before["slurm"][:2]
    assert inspect(one, "jupyterhub", "{{.Id}}") != before["jupyterhub"][0]
    assert inputs(one, "jupyterhub") != before["jupyterhub"][1]
    assert layers(one, "jupyterhub")[:-LAST] == before["jupyterhub"][2][:-LAST]


def test_a_package_that_cannot_start_replaces_nothing(
    one: One, up: Completed, repositories: tuple[Path, Path]
) -> None:
    before, file = one.container_ids(), repositories[1] / "src/elsewhere_slurm/commands.py"
    good = file.read_text()
    file.write_text(f"{good}\ndef broken(:\n")
    done = one.world.invoke("up", *one.options)
    assert done.status == FAILED
    assert "SyntaxError" in done.stderr
    assert "Traceback" not in done.stderr.partition("last lines")[0].partition("failed with exit status")[0]
    assert one.container_ids() == before
    assert one.client().signed_in

    # Mended, and no --repo: what was asked for is still what is used.
    file.write_text(f"{good}\nMENDED = 1\n")
    plan = ok(one.world.invoke("up", *one.options, "--dry-run")).stdout
    assert "changed: image of container slurm" in plan
    assert one.container_ids() == before
    done = one.up()
    assert f"slurmspawner_wrappers: {repositories[1]}, copied into the image" in done.stderr
    assert "MENDED = 1" in one.run(
        "slurm", "cat", "/opt/src/slurmspawner_wrappers/src/elsewhere_slurm/commands.py"
    )
    status = ok(one.world.invoke("status", *one.option)).stdout
    assert f"slurmspawner_wrappers: {repositories[1]}" in status
    assert "with the next `invoke up`" not in status
    assert "localhost/brics_slurm_base:trixie" in status
    assert "nothing to do" in ok(one.world.invoke("up", *one.options, "--dry-run")).stdout


def test_one_package_in_the_place_of_the_other_is_refused(
    one: One, up: Completed, repositories: tuple[Path, Path]
) -> None:
    before, record = one.container_ids(), (one.directory / "sources.json").read_text()
    flag = f"slurmspawner_wrappers={repositories[0]}"
    done = one.world.invoke("up", *one.options, "--repo", flag)
    assert done.status == BAD_INPUT
    assert "script slurmspawner_sbatch" in done.stderr
    assert one.container_ids() == before
    assert (one.directory / "sources.json").read_text() == record


def test_sources_outlive_the_loss_of_build(one: One, up: Completed, repositories: tuple[Path, Path]) -> None:
    for name in ("sources.json", "sources.running.json"):
        (one.directory / name).unlink()
    done = one.up()
    assert f"slurmspawner_wrappers: {repositories[1]}, copied into the image" in done.stderr
    done = ok(one.world.invoke("up", *one.options, "--repo", "slurmspawner_wrappers=builtin", "--dry-run"))
    assert f"slurmspawner_wrappers: {repositories[1]} → built-in" in done.stdout


def test_clone_outlives_down(one: One, up: Completed) -> None:
    clone = one.world.root / "_dev_build_data/bricsauthenticator"
    files = state(clone)
    one.down()
    assert state(clone) == files
