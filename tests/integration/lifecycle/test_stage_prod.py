"""The images of `stage-prod`: they run, with the packages installed and nothing of their sources."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from brics_envs.errors import FAILED
from brics_envs.plan.names import Instance
from tests.support.checkout import PROJECT
from tests.support.commands import ok
from tests.support.image_registry import redirected
from tests.support.ports import free_port
from tests.support.world import One, World

OVERLAY = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../dev_dummyauth
images:
  - name: localhost/brics_jupyterhub
    newTag: latest
  - name: localhost/brics_slurm
    newTag: latest
"""
SHARED_PASSWORD = (
    ("jupyterhub.auth", "DummyAuthenticator"),
    ("jupyterhub.authenticators.shared", "SharedPasswordAuthenticator"),
)
BUILTIN = ("--repo", "bricsauthenticator=builtin", "--repo", "slurmspawner_wrappers=builtin")
LOCAL = (*BUILTIN, "--base", "local")


@pytest.fixture(scope="module")
def one(own_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[One]:
    """An instance of dev_dummyauth whose pod is made of the images of stage-prod; no registry, no Git host."""
    own_world.write("k8s/overlays/lc_prod/kustomization.yaml", OVERLAY)
    own_world.write("config/lc_prod/deploy.yaml", "logLevel: INFO\n")
    own_world.write("config/lc_prod/dev_users", "testuser.project1\n")
    nowhere = f"127.0.0.1:{free_port()}"
    for name in ("bricsauthenticator", "slurmspawner_wrappers"):
        own_world.replace(
            "config/versions.yaml", f"https://github.com/isambard-sc/{name}", f"git://{nowhere}/{name}"
        )
    alone = redirected(own_world, nowhere, tmp_path_factory.mktemp("registry"))
    yield One(alone, Instance("lc-prod"), free_port(), "lc_prod")
    own_world.invoke("down", "--all")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), ("cannot be reached", "=builtin")),
        (("--base", "local"), ("cannot be reached", "=builtin")),
        (BUILTIN, ("cannot be pulled", "--base local")),
    ],
)
def test_nothing_is_used_in_place_unless_asked_for(
    one: One, flags: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = one.world.invoke("up", *one.options, *flags)
    assert done.status == FAILED
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    assert not one.world.things().pods


def test_images_of_stage_prod_run(one: One) -> None:
    one.up(*LOCAL)
    images = one.world.podman("ps", f"--filter=pod={one.instance.pod}", "--format={{.Image}}").split()
    assert {"localhost/brics_jupyterhub:lc-prod", "localhost/brics_slurm:lc-prod"} <= set(images)
    client = one.client()
    client.start(brics_project="project1.brics")
    assert client.run("import getpass; print(getpass.getuser())").strip() == "testuser.project1"
    client.stop()


def test_packages_are_installed_and_sources_are_not_there(one: One) -> None:
    one.up(*LOCAL)
    where = "import bricsauthenticator as b; print(b.__file__)"
    assert "/site-packages/bricsauthenticator/" in one.run("jupyterhub", "python3", "-c", where)
    where = "import slurmspawner_wrappers as s; print(s.__file__)"
    python = "/opt/slurmspawner_wrappers/bin/python"
    assert "/site-packages/slurmspawner_wrappers/" in one.run("slurm", python, "-c", where)
    for container in ("jupyterhub", "slurm"):
        found = one.run(
            container, "sh", "-c", "ls -d /opt/src /tmp/bricsauthenticator /tmp/wheels 2>/dev/null || true"
        )
        assert found == ""
    names = "import importlib.metadata as m; print(*m.entry_points(group='jupyterhub.authenticators').names)"
    authenticators = one.run("jupyterhub", "python3", "-c", names).split()
    assert "brics" in authenticators
    assert not {"dummy", "shared-password"} & set(authenticators)
    for module, name in SHARED_PASSWORD:
        missing = f"import importlib; print(hasattr(importlib.import_module({module!r}), {name!r}))"
        assert one.run("jupyterhub", "sh", "-c", 'python3 -c "$1" 2>&1 | tail -1', "sh", missing) in (
            "False",
            f"ModuleNotFoundError: No module named '{module}'",
        )


def test_what_is_not_locked_is_told_in_production_and_works_in_development(one: One, tmp_path: Path) -> None:
    needy = tmp_path / "needy"
    shutil.copytree(PROJECT / "packages/bricsauthenticator", needy)
    pyproject = needy / "pyproject.toml"
    text = pyproject.read_text()
    assert "\ndependencies = [\n" in text
    pyproject.write_text(text.replace("\ndependencies = [\n", '\ndependencies = [\n    "more-itertools",\n'))
    needs = ("--repo", f"bricsauthenticator={needy}", *LOCAL[2:])
    done = one.world.invoke("build", "--env", one.environment, *one.option, *needs)
    assert done.status == FAILED
    assert "bricsauthenticator 0.1.0 requires more-itertools, which is not installed" in done.stderr
    assert "requirements/hub.in" in done.stderr
    ok(one.world.invoke("build", "--env", "dev_dummyauth", "--instance", "lc-needy", *needs))


def test_down_removes_their_tags(one: One) -> None:
    one.down()
    assert not [image for image in one.world.things().images if ":lc-prod" in image]
