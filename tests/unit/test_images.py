"""What images are made of, which of them are built anew, and the arguments that do it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from brics_envs.config.versions import load_versions
from brics_envs.effects.images import _Steps, files_digest
from brics_envs.errors import ConfigError
from brics_envs.plan.image_commands import build_arguments, debian_arguments, import_arguments
from brics_envs.plan.image_decisions import PresentImage, Storage, decide
from brics_envs.plan.images import (
    KINDS,
    Build,
    DebianRoot,
    Image,
    ImageRequest,
    RegistryImage,
    RepoSnapshot,
    bases_of,
    inputs_digest,
    plan_images,
    refuse_unknown_images,
)

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = load_versions(ROOT)
LOCAL = dict.fromkeys(("jupyterhub", "slurm", "debian"), "local")
REGISTRY = dict.fromkeys(("jupyterhub", "slurm", "debian"), "registry")


def _request(**changes: object) -> ImageRequest:
    repos = {
        name: RepoSnapshot(name, Path("/snapshots") / name, "1.2.3", f"digest of {name}")
        for name in ("bricsauthenticator", "slurmspawner_wrappers")
    }
    request = ImageRequest(
        project_root=ROOT,
        images=("jupyterhub", "slurm"),
        stage="dev",
        tag_suffix="dev-latest",
        bases=LOCAL,  # type: ignore[arg-type]
        repos=repos,
        rebuild=False,
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def _plan(sources: dict[str, str], **changes: object) -> tuple[Image, ...]:
    return plan_images(_request(bases=sources, **changes), VERSIONS)


def _build(images: tuple[Image, ...], tag: str) -> Build:
    (image,) = (image for image in images if image.tag == tag)
    assert isinstance(image, Build)
    return image


def test_local_bases_share_their_debian() -> None:
    assert [(image.tag, image.base) for image in _plan(LOCAL)] == [
        ("localhost/brics_debian:trixie", None),
        ("localhost/brics_jupyterhub_base:trixie", "localhost/brics_debian:trixie"),
        ("localhost/brics_jupyterhub:dev-latest", "localhost/brics_jupyterhub_base:trixie"),
        ("localhost/brics_slurm_base:trixie", "localhost/brics_debian:trixie"),
        ("localhost/brics_slurm:dev-latest", "localhost/brics_slurm_base:trixie"),
    ]


def test_registry_bases_are_pulled_and_the_rest_is_the_same() -> None:
    images = _plan(REGISTRY)
    assert [(type(image), image.tag) for image in images] == [
        (RegistryImage, VERSIONS.registry_images.jupyterhub),
        (Build, "localhost/brics_jupyterhub:dev-latest"),
        (RegistryImage, VERSIONS.registry_images.slurm),
        (Build, "localhost/brics_slurm:dev-latest"),
    ]
    ours = _build(images, "localhost/brics_slurm:dev-latest")
    assert replace(ours, base="") == replace(_build(_plan(LOCAL), ours.tag), base="")


def test_another_debian_release_for_slurm_alone() -> None:
    suites = VERSIONS.debian_suites.model_copy(update={"slurm": "bookworm"})
    images = plan_images(_request(), VERSIONS.model_copy(update={"debian_suites": suites}))
    tags = [image.tag for image in images]
    assert {"localhost/brics_slurm_base:bookworm", "localhost/brics_debian:bookworm"} < set(tags)
    assert {"localhost/brics_jupyterhub_base:trixie", "localhost/brics_debian:trixie"} < set(tags)


def test_images_without_repository_have_no_stages() -> None:
    (_, issuer) = _plan(LOCAL, images=("issuer",))
    assert isinstance(issuer, Build)
    assert (issuer.base, issuer.target, issuer.args) == ("localhost/brics_debian:trixie", None, ())


@pytest.mark.parametrize("name", KINDS)
def test_every_image_has_its_containerfile(name: str) -> None:
    image = _plan(LOCAL, images=(name,))[-1]
    assert isinstance(image, Build)
    text = image.containerfile.read_text()
    assert "ARG BASE_IMAGE\n" in text
    stages = ("stage-base", "stage-dev", "stage-prod") if KINDS[name].repository else ()
    assert all(f"AS {stage}\n" in text for stage in stages)
    assert all(path.exists() for path in image.files)


def test_every_context_that_a_containerfile_copies_from_is_given() -> None:
    for image in _plan(LOCAL, images=tuple(KINDS)):
        if isinstance(image, Build):
            text = image.containerfile.read_text()
            assert all(f"COPY --from={name} " in text for name, _ in image.contexts), image.tag


def test_bases_are_asked_for_once() -> None:
    assert bases_of(("jupyterhub", "slurm", "issuer", "proxy")) == (
        "jupyterhub",
        "slurm",
        "debian",
    )


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ConfigError, match="'nosuch'"):
        refuse_unknown_images(["slurm", "nosuch"])


def _present(images: tuple[Image, ...], **inputs: str) -> dict[str, PresentImage]:
    """All images, as if they had just been built; their IDs are made of their names."""
    present: dict[str, PresentImage] = {}
    for image in images:
        digest = None
        if not isinstance(image, RegistryImage):
            files = files_digest(image.files) if isinstance(image, Build) else files_digest(())
            digest = inputs_digest(image, files, f"id of {image.base}" if image.base else "")
        present[image.tag] = PresentImage(f"id of {image.tag}", digest)
    return present


def _built(
    images: tuple[Image, ...], present: dict[str, PresentImage], *, rebuild: bool = False
) -> list[str]:
    decisions = decide(images, Storage(present, files_digest), rebuild=rebuild)
    return [d.image.tag.removeprefix("localhost/brics_") for d in decisions if d.id is None]


@pytest.mark.parametrize("sources", [LOCAL, REGISTRY])
def test_nothing_is_built_twice(sources: dict[str, str]) -> None:
    images = _plan(sources)
    assert _built(images, _present(images)) == []


def test_another_instance_gets_the_image_that_is_made_of_the_same() -> None:
    present = _present(_plan(LOCAL))
    images = _plan(LOCAL, tag_suffix="dev-two")
    decisions = {d.image.tag: d for d in decide(images, Storage(present, files_digest), rebuild=False)}
    assert decisions["localhost/brics_slurm:dev-two"].same_as == "localhost/brics_slurm:dev-latest"
    assert _built(images, present) == []
    assert _built(images, present, rebuild=True) == _built(images, {})


def test_a_changed_repository_rebuilds_its_own_image_alone() -> None:
    present = _present(_plan(LOCAL))
    repos = dict(_request().repos)
    repos["bricsauthenticator"] = replace(repos["bricsauthenticator"], digest="edited")
    assert _built(_plan(LOCAL, repos=repos), present) == ["jupyterhub:dev-latest"]


def test_a_new_version_of_the_same_contents_rebuilds_nothing() -> None:
    present = _present(_plan(LOCAL))
    repos = {name: replace(repo, version="1.2.4.dev1") for name, repo in _request().repos.items()}
    assert _built(_plan(LOCAL, repos=repos), present) == []


def test_an_image_is_built_again_when_its_base_is_another() -> None:
    images = _plan(LOCAL)
    present = _present(images)
    base = "localhost/brics_slurm_base:trixie"
    present[base] = replace(present[base], id="rebuilt for another instance")
    assert _built(images, present) == ["slurm:dev-latest"]


def test_what_stands_on_a_missing_base_is_built() -> None:
    images = _plan(LOCAL)
    present = _present(images)
    del present["localhost/brics_slurm_base:trixie"]
    assert _built(images, present) == ["slurm_base:trixie", "slurm:dev-latest"]


def test_rebuild_builds_all_but_pulls_nothing_again() -> None:
    images = _plan(LOCAL)
    assert len(_built(images, _present(images), rebuild=True)) == len(images)
    images = _plan(REGISTRY)
    assert _built(images, _present(images), rebuild=True) == ["jupyterhub:dev-latest", "slurm:dev-latest"]


def test_another_stage_is_another_image() -> None:
    dev, prod = (
        _build(_plan(LOCAL, stage=s), "localhost/brics_jupyterhub:dev-latest") for s in ("dev", "prod")
    )
    assert (dev.target, prod.target) == ("stage-dev", "stage-prod")
    assert inputs_digest(dev, "", "") != inputs_digest(prod, "", "")


def test_files_digest_sees_contents_names_and_modes_but_no_place(tmp_path: Path) -> None:
    def digest(folder: str, name: str = "script", content: str = "a", mode: int = 0o755) -> str:
        path = tmp_path / folder / name
        path.parent.mkdir()
        path.write_text(content)
        path.chmod(mode)
        return files_digest([path.parent])

    first = digest("first")
    assert digest("elsewhere") == first
    others = {digest("a", name="other"), digest("b", content="b"), digest("c", mode=0o644)}
    assert len(others | {first}) == 4
    with pytest.raises(FileNotFoundError):
        files_digest([tmp_path / "missing"])


def test_build_arguments() -> None:
    image = _build(_plan(LOCAL, project_root=Path("/project")), "localhost/brics_jupyterhub:dev-latest")
    arguments = build_arguments(
        image,
        base_id="0123",
        digest="4567",
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
        image, base_id="0123", digest="4567", rebuild=True, volumes=(), limits={}, command_id="89"
    )
    assert "--no-cache" in again


def test_debian_arguments() -> None:
    root, tar = DebianRoot("localhost/brics_debian:trixie", "trixie"), Path("/x/root.tar")
    arguments = debian_arguments(root, ("deb http://mirror/debian trixie main",), tar)
    assert arguments[:2] == ["mmdebstrap", "--variant=minbase"]
    assert arguments[-3:] == ["trixie", "/x/root.tar", "deb http://mirror/debian trixie main"]
    imported = import_arguments(root, tar, "4567")
    assert imported[0] == "import"
    assert "--change=LABEL brics.inputs=4567" in imported
    assert imported[-2:] == ["/x/root.tar", "localhost/brics_debian:trixie"]


def test_only_instructions_that_run_are_reported() -> None:
    told: list[str] = []
    steps = _Steps(told.append)
    for line in (
        "[1/2] STEP 1/4: FROM abc AS stage-base",
        "[1/2] STEP 2/4: RUN apt-get update  && true",
        "--> Using cache 0123",
        "[1/2] STEP 3/4: RUN groupadd   hub",
        "--> 4567",
        "STEP 4/4: COPY . /opt",
    ):
        steps.see(line)
    assert told == ["groupadd hub"]
