"""Directories that are mounted live: what they do to the manifest, the images and the record of sources."""

import os
import tarfile
import threading
from pathlib import Path

import pytest

import pykustomize
from brics_envs.config.repos import PathChoice
from brics_envs.effects import shared_directory, watching
from brics_envs.errors import BAD_INPUT, ConfigError
from brics_envs.lifecycle import live as lifecycle
from brics_envs.lifecycle.live import (
    built_for_live,
    built_from,
    live_of,
    newest_file,
    refuse_unreadable,
    refuse_unshared,
)
from brics_envs.plan.digests import changed_inputs, input_digests
from brics_envs.plan.images import RepoSnapshot
from brics_envs.plan.live import Live, decides_build, with_live
from brics_envs.plan.overlay import Document, the_pod
from brics_envs.plan.sources import CLONE, RepoSource, Sources, changes, parse_sources

ROOT = Path(__file__).resolve().parents[2]
AUTH, WRAPPERS = "bricsauthenticator", "slurmspawner_wrappers"
DOCUMENTS = pykustomize.build(ROOT / "k8s/overlays/dev_dummyauth")
LIVE = {AUTH: Live(Path("/home/me/auth"), "1"), WRAPPERS: Live(Path("/home/me/wrappers"), "2")}


def container(documents: list[Document], name: str) -> Document:
    return next(c for c in the_pod(documents)["spec"]["containers"] if c["name"] == name)


def test_directories_are_mounted_read_only_where_the_image_has_its_copy() -> None:
    manifest = with_live(DOCUMENTS, LIVE)
    for name, inside in ((AUTH, "jupyterhub"), (WRAPPERS, "slurm")):
        volume = f"live-{name.replace('_', '-')}"
        mount = {"name": volume, "mountPath": f"/opt/src/{name}", "readOnly": True}
        assert mount in container(manifest, inside)["volumeMounts"]
        host = {"path": str(LIVE[name].directory), "type": "Directory"}
        assert {"name": volume, "hostPath": host} in the_pod(manifest)["spec"]["volumes"]
    hub = container(manifest, "jupyterhub")
    assert hub["command"][0] == "python3"
    assert hub["args"] == ["--config=/etc/jupyterhub/jupyterhub_config.py"]
    assert "command" not in container(DOCUMENTS, "jupyterhub")
    assert with_live(DOCUMENTS, {}) == DOCUMENTS


def test_another_directory_makes_another_pod_and_another_build_too() -> None:
    before = input_digests(with_live(DOCUMENTS, LIVE), {})
    for other in (Live(Path("/elsewhere"), "1"), Live(Path("/home/me/auth"), "3")):
        now = input_digests(with_live(DOCUMENTS, LIVE | {AUTH: other}), {})
        assert [str(item) for item in changed_inputs(before, now)] == ["Pod jupyterhub-slurm"]


@pytest.mark.parametrize(
    ("path", "decides"),
    [
        ("pyproject.toml", True),
        ("setup.cfg", True),
        ("requirements.txt", True),
        ("requirements/dev.txt", True),
        ("src/package/pyproject.toml", False),
        ("src/package/module.py", False),
        ("README.md", False),
    ],
)
def test_what_decides_a_build(path: str, decides: bool) -> None:
    assert decides_build(path) is decides


def test_only_what_decides_the_build_makes_another_image(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("a")
    before = built_from(tmp_path)
    (tmp_path / "module.py").write_text("x = 1")
    assert built_from(tmp_path) == before
    (tmp_path / "pyproject.toml").write_text("b")
    assert built_from(tmp_path) != before

    snapshots = {name: RepoSnapshot(name, tmp_path, "1", "contents") for name in (AUTH, WRAPPERS)}
    made = built_for_live(snapshots, live_of({AUTH: tmp_path}))
    assert made[WRAPPERS].digest == "contents"
    assert made[AUTH].digest == f"live {built_from(tmp_path)}"


def test_what_users_in_the_containers_cannot_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    secret = tmp_path / "src/module.py"
    secret.write_text("")
    for path in (tmp_path, tmp_path / "src"):
        path.chmod(0o755)
    secret.chmod(0o644)
    refuse_unreadable(AUTH, tmp_path)
    secret.chmod(0o600)
    with pytest.raises(ConfigError) as error:
        refuse_unreadable(AUTH, tmp_path)
    assert str(secret) in error.value.message
    assert "chmod" in error.value.hint
    assert error.value.exit_status == BAD_INPUT
    assert secret.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for age, name in enumerate(("pyproject.toml", "README.md", ".git/index")):
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, (0, 1000 + age))
    (tmp_path / "package/link.md").symlink_to("README.md")
    return tmp_path / "package"


def test_the_file_that_was_changed_last_is_of_the_source(package: Path) -> None:
    assert newest_file(package) == package / "README.md"
    assert newest_file(package / "nowhere") is None


@pytest.mark.parametrize(("name", "exists"), [("package", True), ("not-yet", False)])
def test_what_podmans_machine_does_not_share_is_refused(
    package: Path, monkeypatch: pytest.MonkeyPatch, name: str, exists: bool
) -> None:
    asked = list[Path]()

    def shows(directory: Path, file: Path) -> bool:
        asked.append(directory)
        return False

    monkeypatch.setattr(shared_directory, "shows", shows)
    monkeypatch.setattr(lifecycle, "is_remote", lambda: False)
    refuse_unshared(AUTH, package.parent / name, package)
    assert not asked
    monkeypatch.setattr(lifecycle, "is_remote", lambda: True)
    with pytest.raises(ConfigError, match=f"does not share {package} with") as error:
        refuse_unshared(AUTH, package.parent / name, package)
    assert error.value.exit_status == BAD_INPUT
    assert "podman machine" in error.value.hint
    monkeypatch.setattr(shared_directory, "shows", lambda *_: True)
    refuse_unshared(AUTH, package, package)


@pytest.mark.parametrize(
    ("content", "younger_s", "same"),
    [("README.md", 0, True), ("README.md", 0.6, True), ("README.md", 60, False), ("another", 0, False)],
)
def test_a_copy_is_not_the_very_file(package: Path, content: str, younger_s: float, same: bool) -> None:
    there, archive = package / "there", package / "archive.tar"
    there.write_text(content)
    os.utime(there, (0, 1001 + younger_s))
    with tarfile.open(archive, "w") as opened:
        opened.add(there, "README.md")
    assert shared_directory.holds(archive, package / "README.md") is same


def test_a_folder_of_that_name_is_not_the_file(package: Path) -> None:
    archive = package / "archive.tar"
    with tarfile.open(archive, "w") as opened:
        opened.add(package / ".git", "README.md", recursive=False)
    assert not shared_directory.holds(archive, package / "README.md")


def test_a_directory_of_any_name_is_mounted() -> None:
    assert shared_directory.mount(Path('/a, b:"c"')) == 'type=bind,"src=/a, b:""c""",dst=/shared,ro'


def test_live_is_remembered_and_a_source_without_it_ends_it() -> None:
    path = PathChoice(AUTH, Path("/home/me/auth"))
    nothing = Sources("dev")
    assert nothing.are_live([path], live=True) == {AUTH: True, WRAPPERS: False}
    assert nothing.are_live([], live=True) == {AUTH: True, WRAPPERS: True}
    assert nothing.are_live([path], live=False) == {AUTH: False, WRAPPERS: False}
    live = Sources("dev", {}, {AUTH: RepoSource("/home/me/auth", asked=True, live=True)})
    assert live.are_live([], live=False)[AUTH]
    assert not live.are_live([path], live=False)[AUTH]
    assert parse_sources(live.to_json()) == live
    ended = Sources("dev", {}, {AUTH: RepoSource("/home/me/auth", asked=True)})
    assert changes(live, ended) == [f"{AUTH}: /home/me/auth, live → /home/me/auth"]


def test_a_record_of_an_older_version_is_not_live() -> None:
    older = Sources("dev", {}, {AUTH: RepoSource(CLONE)}).to_json().replace(', "live": false', "")
    assert "live" not in older
    assert parse_sources(older) == Sources("dev", {}, {AUTH: RepoSource(CLONE)})


@pytest.mark.parametrize("polling", [False, True])
def test_many_files_are_one_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, polling: bool) -> None:
    if polling:
        monkeypatch.setattr(watching, "is_silent", lambda _: True)

    def work() -> None:
        for number in range(100):
            (tmp_path / f"module{number}.py").write_text("x = 1")
        (tmp_path / "__pycache__").mkdir()
        (tmp_path / "__pycache__/module.pyc").write_text("")

    found = watching.changes([tmp_path])
    threading.Timer(0.5, work).start()
    changed = next(each for each in found if each)
    # Polling tells of the directory too.
    assert len(changed - {tmp_path}) == 100
    assert next(found) == frozenset()


def test_file_systems_that_tell_nothing_are_known() -> None:
    assert not watching.is_silent(Path("/proc"))
    assert not watching.is_silent(Path("/dev"))
