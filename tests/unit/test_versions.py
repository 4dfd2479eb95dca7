"""config/versions.yaml: what it refuses, and that the lock files agree with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from brics_envs.config.versions import load_versions
from brics_envs.errors import BAD_INPUT, ConfigError

ROOT = Path(__file__).resolve().parents[2]


def _locked(name: str) -> dict[str, set[str]]:
    """The versions of every package in a lock file; several where they differ by Python's version."""
    versions: dict[str, set[str]] = {}
    text = (ROOT / "requirements" / name).read_text()
    for package, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE):
        versions.setdefault(package.lower(), set()).add(version)
    return versions


@pytest.mark.parametrize(
    ("lock", "package", "key"),
    [
        ("jupyterhub.txt", "jupyterhub", "jupyterhub"),
        ("user-environment.txt", "jupyterhub", "jupyterhub"),
        ("hub.txt", "batchspawner", "batchspawner"),
        ("user-environment.txt", "batchspawner", "batchspawner"),
    ],
)
def test_python_locks_have_the_pinned_versions(lock: str, package: str, key: str) -> None:
    assert _locked(lock)[package] == {getattr(load_versions(ROOT), key)}


def test_npm_lock_has_the_pinned_proxy() -> None:
    lock = json.loads((ROOT / "build/bases/jupyterhub/package-lock.json").read_text())
    version = lock["packages"]["node_modules/configurable-http-proxy"]["version"]
    assert version == load_versions(ROOT).configurable_http_proxy


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements/*.txt")), ids=lambda path: path.name)
def test_python_locks_have_hashes_and_name_no_registry(lock: Path) -> None:
    text = lock.read_text()
    requirements = [line for line in text.splitlines() if re.match(r"[\w.-]+(\[.*\])?==", line)]
    assert requirements
    assert all(line.endswith("\\") for line in requirements), "a requirement without hashes"
    assert "://" not in text
    assert "index-url" not in re.sub(r"#.*", "", text)


@pytest.mark.parametrize(
    "lock", sorted(ROOT.glob("build/**/package-lock.json")), ids=lambda path: path.parent.name
)
def test_npm_locks_have_hashes_and_name_no_registry(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    others = {name: package for name, package in packages.items() if name}
    assert others
    assert all("integrity" in package and "resolved" not in package for package in others.values())


def test_hub_version_has_no_known_holes() -> None:
    assert tuple(map(int, load_versions(ROOT).jupyterhub.split("."))) >= (5, 5, 1)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("jupyterhub: 6.1.1 ", "jupyterhub: latest ", ":4: jupyterhub: must be a version"),
        ("jupyterhub: 6.1.1 ", "jupyterhub: 6.1 ", ":4: jupyterhub: Input should be a valid string"),
        (
            "quay.io/jupyterhub/jupyterhub:6.1.1",
            "jupyterhub",
            ": registry_images.jupyterhub: must be REGISTRY",
        ),
        ("slurm: trixie", "slurm: sid", ": debian_suites.slurm: Input should be 'bookworm' or 'trixie'"),
        (
            "https://github.com/isambard-sc/bricsauthenticator.git",
            "foo",
            ": repositories.bricsauthenticator: not a URL",
        ),
        ("batchspawner: ", "batchspawners: ", ": batchspawners: unknown key"),
        ("batchspawner: ", "batchspawners: ", ": batchspawner: this key is missing"),
    ],
)
def test_problems_are_told_with_their_place(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = (ROOT / "config/versions.yaml").read_text()
    assert old in text
    (tmp_path / "config").mkdir()
    (tmp_path / "config/versions.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_versions(tmp_path)
    assert caught.value.exit_status == BAD_INPUT
    assert "config/versions.yaml" in caught.value.message
    assert problem in caught.value.message


@pytest.mark.parametrize(
    ("reference", "accepted"),
    [
        ("quay.io/jupyterhub/jupyterhub:6.1.1@sha256:" + "0" * 64, True),
        ("quay.io/jupyterhub/jupyterhub@sha256:" + "0" * 64, True),
        ("127.0.0.1:5000/jupyterhub:6.1.1", True),
        ("quay.io/jupyterhub/jupyterhub", False),
        ("quay.io/jupyterhub/jupyterhub:6.1.1@sha256:0123", False),
        ("quay.io/jupyterhub/jupyterhub:6.1.1@md5:" + "0" * 64, False),
        ("quay.io/jupyterhub/jupyterhub@sha256:" + "0" * 64 + ":6.1.1", False),
    ],
)
def test_images_may_be_pinned_by_digest_beside_their_tag(
    tmp_path: Path, reference: str, accepted: bool
) -> None:
    text = (ROOT / "config/versions.yaml").read_text()
    (tmp_path / "config").mkdir()
    file = tmp_path / "config/versions.yaml"
    file.write_text(text.replace("quay.io/jupyterhub/jupyterhub:6.1.1", reference, 1))
    if accepted:
        assert load_versions(tmp_path).registry_images.jupyterhub == reference
    else:
        with pytest.raises(ConfigError, match="NAME:TAG@sha256:DIGEST"):
            load_versions(tmp_path)
