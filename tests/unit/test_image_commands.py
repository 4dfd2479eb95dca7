"""The arguments that build and import images."""

from __future__ import annotations

from pathlib import Path

from brics_envs.plan.debian_sources import DebianState
from brics_envs.plan.image_commands import BaseImage, build_arguments, debian_arguments, import_arguments
from brics_envs.plan.images import Build, DebianRoot

IMAGE = Build(
    tag="localhost/brics_jupyterhub:dev-latest",
    base="quay.io/a/b:1",
    containerfile=Path("/project/build/Containerfile.jupyterhub"),
    context=Path("/project/build"),
    contexts=(
        ("requirements", Path("/project/requirements")),
        ("bricsauthenticator", Path("/snapshots/bricsauthenticator")),
    ),
    files=(),
    target="stage-dev",
    args=(("JUPYTERHUB_VERSION", "6.1.1"), ("BRICSAUTHENTICATOR_VERSION", "1.2.3")),
)

BASE = BaseImage("quay.io/a/b:1", "0123", "2026-11-22T10:00:00Z", "89ab")


def test_build_arguments() -> None:
    arguments = build_arguments(
        IMAGE,
        base=BASE,
        digest="4567",
        revision="0a1b",
        rebuild=False,
        volumes=("/tmp/pip.conf:/etc/pip.conf:ro",),  # noqa: S108
        limits={"nofile": 1024},
        command_id="89ab",
    )
    assert arguments == [
        "build",
        "--pull=never",
        "--network=host",
        "--file=/project/build/Containerfile.jupyterhub",
        "--tag=localhost/brics_jupyterhub:dev-latest",
        "--layer-label=app.kubernetes.io/part-of=brics-jupyterhub-envs",
        "--label=app.kubernetes.io/part-of=brics-jupyterhub-envs",
        "--label=brics.inputs=4567",
        "--label=org.opencontainers.image.version=0.1.0",
        "--label=org.opencontainers.image.revision=0a1b",
        "--label=org.opencontainers.image.base.name=quay.io/a/b:1",
        "--label=brics.base-id=0123",
        "--label=brics.base-created=2026-11-22T10:00:00Z",
        "--label=brics.base-recipe=89ab",
        "--target=stage-dev",
        "--build-arg=BASE_IMAGE=0123",
        "--build-arg=JUPYTERHUB_VERSION=6.1.1",
        "--build-arg=BRICSAUTHENTICATOR_VERSION=1.2.3",
        "--build-arg=BRICS_BUILD=89ab",
        "--build-context=requirements=/project/requirements",
        "--build-context=bricsauthenticator=/snapshots/bricsauthenticator",
        "--volume=/tmp/pip.conf:/etc/pip.conf:ro",
        "--ulimit=nofile=1024:1024",
        "/project/build",
    ]
    again = build_arguments(
        IMAGE, base=BASE, digest="4567", revision="", rebuild=True, volumes=(), limits={}, command_id="89"
    )
    assert "--no-cache" in again
    assert "--label=org.opencontainers.image.revision=unknown" in again


def test_debian_arguments() -> None:
    root, tar = DebianRoot("localhost/brics_debian:trixie", "trixie"), Path("/x/root.tar")
    arguments = debian_arguments(root, ("deb http://mirror/debian trixie main",), tar, Path("/x y/releases"))
    hooks = [argument.removeprefix("--customize-hook=") for argument in arguments if "releases" in argument]
    assert hooks == [
        'cat "$1"/var/lib/apt/lists/*Release >"$1/brics-releases"',
        "download /brics-releases '/x y/releases'",
        'rm "$1/brics-releases"',
    ]
    assert arguments[:2] == ["mmdebstrap", "--variant=minbase"]
    assert arguments[-3:] == ["trixie", "/x/root.tar", "deb http://mirror/debian trixie main"]
    imported = import_arguments(root, tar, "4567", DebianState("2026-11-22T10:00:00Z", "sha256:89"))
    assert imported[0] == "import"
    assert '--change=LABEL brics.inputs="4567"' in imported
    assert '--change=LABEL brics.debian="trixie 2026-11-22T10:00:00Z"' in imported
    assert '--change=LABEL brics.debian-release="sha256:89"' in imported
    assert imported[-2:] == ["/x/root.tar", "localhost/brics_debian:trixie"]
