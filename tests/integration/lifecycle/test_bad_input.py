"""Values and configuration files that are refused: exit status 2, a message, no traceback, and nothing created."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from brics_envs.effects.process import Completed
from brics_envs.errors import BAD_INPUT, FAILED
from tests.support.git_repositories import git, make_package
from tests.support.world import World

ENV = ("--env", "dev_dummyauth", "--instance", "lc-bad")
UP = ("up", *ENV)
ENVIRONMENTS = ("dev_dummyauth", "dev_realauth")


@pytest.fixture(scope="module", autouse=True)
def nothing_is_made(shared_world: World) -> Iterator[None]:
    """All of this module together may create nothing."""
    before = shared_world.things()
    yield
    assert shared_world.things() == before


def refused(done: Completed, *words: str, status: int = BAD_INPUT) -> None:
    assert done.status == status, done
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ") or status != BAD_INPUT, done.stderr
    assert "✓" not in done.stderr, "a step was done"
    for word in words:
        assert word in done.stderr, f"{word!r} is not in:\n{done.stderr}"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("up",), ("--env", *ENVIRONMENTS)),
        (("up", "--env", "nosuch"), ("--env", "'nosuch'", *ENVIRONMENTS)),
        (("up", "--env", "../dev_dummyauth"), ("--env", *ENVIRONMENTS)),
        (("render",), ("--env", *ENVIRONMENTS)),
        (("build", "--env", "nosuch"), ("--env", *ENVIRONMENTS)),
        ((*UP, "--port", "80"), ("--port", "'80'", "1024")),
        ((*UP, "--port", "65536"), ("--port", "65535")),
        ((*UP, "--port", "web"), ("--port", "'web'")),
        ((*UP, "--port", "-1"), ("--port",)),
        ((*UP, "--port", "٨٠٨٠"), ("--port",)),
        ((*UP, "--base", "remote"), ("--base", "auto, registry, local")),
        ((*UP, "--direct-port", "8100"), ("--direct-port", "dev_realauth")),
        ((*UP, "--deploy-dir", "nosuch"), ("--deploy-dir", "nosuch/deploy.yaml")),
        ((*UP, "--repo", "nosuch=builtin"), ("--repo", "nosuch", "bricsauthenticator")),
        ((*UP, "--repo", "bricsauthenticator"), ("--repo", "NAME")),
        ((*UP, "--repo", "bricsauthenticator=/nosuch/place"), ("--repo", "/nosuch/place")),
        ((*UP, "--repo", "bricsauthenticator=k8s"), ("not a Python package",)),
        ((*UP, "--repo", "bricsauthenticator=ftp://127.0.0.1/x"), ("ftp://",)),
        ((*UP, "--repo", "bricsauthenticator=builtin", "--repo", "bricsauthenticator=builtin"), ("twice",)),
        (("up", "--env", "dev_dummyauth", "--instance", "Upper_case"), ("--instance", "'Upper_case'")),
        (("up", "--env", "dev_dummyauth", "--instance", "latest"), ("--instance", "'latest'")),
        (("up", "--env", "dev_dummyauth", "--instance", "x" * 21), ("--instance", "at most")),
        (("down", "--instance", "../default"), ("--instance",)),
        (("status", "--instance", "A"), ("--instance",)),
        (("logs", "--instance", "A"), ("--instance",)),
    ],
    ids=" ".join,
)
def test_bad_values(shared_world: World, args: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused(shared_world.invoke(*args), *words)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((*UP, "--nosuch"), ("--nosuch",)),
        (("up", "--env"), ("env",)),
        ((*UP, "--port"), ("port",)),
        (("nosuch",), ("nosuch",)),
        ((*UP, "surplus"), ("surplus",)),
        (("volume-export",), ("volume",)),
    ],
    ids=" ".join,
)
def test_what_invoke_itself_refuses(
    shared_world: World, args: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(shared_world.invoke(*args), *words, status=FAILED)


@pytest.fixture
def edited(shared_world: World) -> Iterator[Callable[[str, str], None]]:
    """Adds text to files of the copy for the length of a test."""
    before: dict[Path, bytes | None] = {}

    def edit(file: str, text: str) -> None:
        path = shared_world.root / file
        before[path] = path.read_bytes() if path.exists() else None
        path.write_bytes((before[path] or b"") + text.encode())

    # The time of the last change would tell; it is put back too.
    times = {p: p.stat() for p in shared_world.root.rglob("*") if p.is_file()}
    yield edit
    import os

    for path, content in before.items():
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
            os.utime(path, ns=(times[path].st_atime_ns, times[path].st_mtime_ns))


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("config/dev_dummyauth/dev_users", "nodot\n", ("dev_users:", "nodot")),
        ("config/dev_dummyauth/dev_users", "a.b.c\n; rm -rf /\n", ("a.b.c", "rm -rf")),
        ("config/dev_dummyauth/deploy.yaml", "noSuchKey: 1\n", ("deploy.yaml:", "noSuchKey")),
        ("config/dev_dummyauth/deploy.yaml", "logLevel: LOUD\n", ("deploy.yaml:", "logLevel")),
        ("config/dev_dummyauth/deploy.local.yaml", "noSuchKey: 1\n", ("deploy.local.yaml:", "noSuchKey")),
        ("config/dev_dummyauth/deploy.local.yaml", "dummyAuthPassword: short\n", ("dummyAuthPassword", "12")),
        ("config/dev_dummyauth/deploy.local.yaml", "a: [\n", ("deploy.local.yaml",)),
        ("config/versions.yaml", "noSuchKey: 1\n", ("versions.yaml:", "noSuchKey")),
        ("k8s/overlays/dev_dummyauth/kustomization.yaml", "noSuchField: []\n", ("noSuchField",)),
        ("k8s/base/pod.yaml", "  nosuch: [\n", ("pod.yaml",)),
    ],
)
def test_bad_files(
    shared_world: World, edited: Callable[[str, str], None], file: str, text: str, words: tuple[str, ...]
) -> None:
    edited(file, text)
    refused(shared_world.invoke(*UP), *words)


def test_clone_of_something_else_is_refused(shared_world: World, tmp_path: Path) -> None:
    """What is in _dev_build_data is never replaced: another origin or REF is an error."""
    first, other = make_package(tmp_path / "first"), make_package(tmp_path / "other")
    clone = shared_world.root / "_dev_build_data/bricsauthenticator"
    git(tmp_path, "clone", "--quiet", str(first), str(clone))
    (clone / "mine").write_text("not committed")
    head = git(clone, "rev-parse", "HEAD")
    try:
        for url, words in (
            (f"file://{other}", ("_dev_build_data/bricsauthenticator", str(first), str(other))),
            (f"file://{first}@feature%2Fx", ("feature/x",)),
        ):
            refused(shared_world.invoke(*UP, "--repo", f"bricsauthenticator={url}"), *words)
        assert git(clone, "rev-parse", "HEAD") == head
        assert (clone / "mine").read_text() == "not committed"
    finally:
        import shutil

        shutil.rmtree(clone.parent)


def test_passwords_of_urls_are_not_shown(shared_world: World) -> None:
    done = shared_world.invoke(*UP, "--repo", "nosuch=https://me:s3cr3t-word@127.0.0.1/x.git")
    refused(done, "nosuch")
    assert "s3cr3t-word" not in done.stdout + done.stderr


def test_all_problems_of_a_file_at_once(shared_world: World, edited: Callable[[str, str], None]) -> None:
    edited("config/dev_dummyauth/deploy.local.yaml", "one: 1\ntwo: 2\n")
    refused(shared_world.invoke(*UP), "deploy.local.yaml:1", "deploy.local.yaml:2", "one", "two")
