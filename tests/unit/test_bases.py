"""Where base images come from, and what keeps local ones from being made."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from brics_envs.config.options import Base
from brics_envs.effects import images as images_module
from brics_envs.effects.process import Completed
from brics_envs.errors import EnvsError
from brics_envs.lifecycle import bases as bases_module
from brics_envs.lifecycle.bases import choose_bases
from brics_envs.plan.image_decisions import Storage
from brics_envs.plan.sources import BaseSource

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("allow_local", [True, False])
def test_bases_are_kept_without_asking_any_registry(
    monkeypatch: pytest.MonkeyPatch, allow_local: bool
) -> None:
    monkeypatch.setattr(bases_module, "local_base_obstacle", str)
    kept: dict[str, BaseSource] = {"jupyterhub": "local", "slurm": "registry", "debian": "local"}
    needed = ("jupyterhub", "slurm")
    bases, lines = choose_bases(ROOT, needed, "auto", kept, allow_local=allow_local)
    assert (bases, lines) == ({"jupyterhub": "local", "slurm": "registry"}, [])
    for wanted in ("registry", "local"):
        bases, _ = choose_bases(ROOT, needed, wanted, kept, allow_local=allow_local)
        assert bases == dict.fromkeys(needed, wanted)


@pytest.fixture
def without_mmdebstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Mac, whose podman has no images yet."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    storage = Storage({}, lambda _: "", lambda _: False)
    monkeypatch.setattr(bases_module, "observe_storage", lambda: storage)


@pytest.mark.usefixtures("without_mmdebstrap")
def test_without_mmdebstrap_bases_come_from_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases_module, "registry_problem", lambda *_: "")
    bases, lines = choose_bases(ROOT, ("jupyterhub", "slurm"), "auto", {}, allow_local=True)
    assert (bases, lines) == ({"jupyterhub": "registry", "slurm": "registry"}, [])


@pytest.mark.usefixtures("without_mmdebstrap")
@pytest.mark.parametrize(
    ("wanted", "why"), [("auto", "cannot be pulled: .*no such host"), ("local", "--base local")]
)
def test_without_mmdebstrap_no_local_base_is_promised(
    monkeypatch: pytest.MonkeyPatch, wanted: Base, why: str
) -> None:
    monkeypatch.setattr(bases_module, "registry_problem", lambda *_: "no such host")
    with pytest.raises(EnvsError, match=f"{why}.*mmdebstrap is missing") as error:
        choose_bases(ROOT, ("jupyterhub", "slurm"), wanted, {}, allow_local=True)
    assert "macOS" in error.value.hint
    monkeypatch.setattr(bases_module, "local_base_is_ready", lambda *_: True)
    bases, _ = choose_bases(ROOT, ("slurm",), wanted, {}, allow_local=True)
    assert bases == {"slurm": "local"}


@pytest.mark.parametrize(
    ("there", "obstacle"), [("linux/a", ""), ("linux/b", "podman's machine is linux/b, this one linux/a")]
)
def test_a_local_base_is_of_this_machines_architecture(
    monkeypatch: pytest.MonkeyPatch, there: str, obstacle: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/mmdebstrap")
    monkeypatch.setattr(images_module, "podman", lambda *_: Completed(0, f"linux/a {there}\n", ""))
    monkeypatch.setattr(images_module, "is_remote", lambda: True)
    assert images_module.local_base_obstacle() == obstacle
    monkeypatch.setattr(images_module, "is_remote", lambda: False)
    assert not images_module.local_base_obstacle()
