"""What images are made of, and which of them are built anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from brics_envs.config.versions import load_versions
from brics_envs.effects.images import files_digest
from brics_envs.errors import ConfigError
from brics_envs.plan.image_decisions import Decision, PresentImage, Storage, decide
from brics_envs.plan.images import (
    KINDS,
    Build,
    Image,
    ImageRequest,
    RegistryImage,
    RepoSnapshot,
    bases_of,
    inputs_digest,
    known_as,
    plan_images,
    refuse_unknown_images,
)
from brics_envs.plan.names import LABEL_BASE_ID, LABEL_BASE_RECIPE, LABEL_INPUTS

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


def _storage(present: dict[str, PresentImage], *, gone: tuple[str, ...] = ()) -> Storage:
    """podman's images; all that was ever built is still there by its ID, but for what has gone."""
    return Storage(present, files_digest, lambda image: image not in gone)


def _present(images: tuple[Image, ...], *, of_an_older_version: bool = False) -> dict[str, PresentImage]:
    """All images, as if they had just been built; their IDs are made of their names."""
    present: dict[str, PresentImage] = {}
    recipes = {d.image.tag: d.recipe for d in decide(images, _storage({}))}
    for image in images:
        labels = {}
        if not isinstance(image, RegistryImage):
            files = files_digest(image.files) if isinstance(image, Build) else files_digest(())
            base = f"id of {image.base}" if image.base else ""
            labels = {LABEL_INPUTS: inputs_digest(image, files, base)}
            if not of_an_older_version:
                labels |= {LABEL_BASE_ID: base, LABEL_BASE_RECIPE: recipes[image.tag]}
        present[image.tag] = PresentImage(f"id of {image.tag}", labels)
    return present


def _made(decisions: list[Decision]) -> list[str]:
    return [d.image.tag.removeprefix("localhost/brics_") for d in decisions if d.id is None]


def _built(
    images: tuple[Image, ...], present: dict[str, PresentImage], *, rebuild: bool = False
) -> list[str]:
    return _made(decide(images, _storage(present), rebuild=rebuild))


@pytest.mark.parametrize("sources", [LOCAL, REGISTRY])
def test_nothing_is_built_twice(sources: dict[str, str]) -> None:
    images = _plan(sources)
    assert _built(images, _present(images)) == []


def test_another_instance_gets_the_image_that_is_made_of_the_same() -> None:
    present = _present(_plan(LOCAL))
    images = _plan(LOCAL, tag_suffix="dev-two")
    decisions = {d.image.tag: d for d in decide(images, _storage(present))}
    assert decisions["localhost/brics_slurm:dev-two"].same_as == "localhost/brics_slurm:dev-latest"
    assert _built(images, present) == []
    assert _built(images, present, rebuild=True) == _built(images, {})


def test_an_image_whose_base_was_made_otherwise_is_not_shared() -> None:
    """A registry's image may be the local one, pushed there: its name moves by itself, the local one's does not."""
    present = _present(_plan(LOCAL))
    registry = VERSIONS.registry_images.slurm
    present[registry] = present[SLURM_BASE]
    images = _plan(LOCAL | {"slurm": "registry"}, tag_suffix="dev-two")
    assert _built(images, present) == ["slurm:dev-two"]


def test_an_image_that_has_lost_its_name_gets_it_again() -> None:
    images = _plan(LOCAL)
    nameless = {image.id: image for image in _present(images).values()}
    bases = {tag: image for tag, image in _present(images).items() if "dev-latest" not in tag}
    assert _built(images, nameless | bases) == []


def test_a_changed_repository_rebuilds_its_own_image_alone() -> None:
    present = _present(_plan(LOCAL))
    repos = dict(_request().repos)
    repos["bricsauthenticator"] = replace(repos["bricsauthenticator"], digest="edited")
    assert _built(_plan(LOCAL, repos=repos), present) == ["jupyterhub:dev-latest"]


def test_a_new_version_of_the_same_contents_rebuilds_nothing() -> None:
    present = _present(_plan(LOCAL))
    repos = {name: replace(repo, version="1.2.4.dev1") for name, repo in _request().repos.items()}
    assert _built(_plan(LOCAL, repos=repos), present) == []


SLURM_BASE = "localhost/brics_slurm_base:trixie"


@pytest.mark.parametrize("sources", [LOCAL, REGISTRY])
def test_a_base_that_was_made_anew_for_another_instance_moves_nothing(sources: dict[str, str]) -> None:
    images = _plan(sources)
    present = _present(images)
    for tag in [image.base for image in images if image.base]:
        present[tag] = replace(present[tag], id=f"another {tag}")
    assert _built(images, present) == []


def test_what_changes_is_built_on_the_base_that_it_had() -> None:
    present = _present(_plan(LOCAL))
    present[SLURM_BASE] = replace(present[SLURM_BASE], id="another")
    repos = dict(_request().repos)
    repos["slurmspawner_wrappers"] = replace(repos["slurmspawner_wrappers"], digest="edited")
    (_, slurm) = decide(_plan(LOCAL, repos=repos), _storage(present))
    assert (slurm.id, slurm.base_id) == (None, f"id of {SLURM_BASE}")
    (_, slurm) = decide(_plan(LOCAL, repos=repos), _storage(present, gone=(slurm.base_id,)))[-2:]
    assert (slurm.id, slurm.base_id) == (None, "")


def test_nothing_that_is_kept_needs_its_base() -> None:
    images = _plan(LOCAL)
    own = {tag: image for tag, image in _present(images).items() if "dev-latest" in tag}
    assert [d.image.tag for d in decide(images, _storage(own, gone=(SLURM_BASE,)))] == list(own)
    assert _built(images, own) == []


def test_a_base_that_is_to_be_made_of_something_else_moves_what_stands_on_it() -> None:
    present = _present(_plan(LOCAL))
    suites = VERSIONS.debian_suites.model_copy(update={"slurm": "bookworm"})
    images = plan_images(_request(), VERSIONS.model_copy(update={"debian_suites": suites}))
    assert _built(images, present) == ["debian:bookworm", "slurm_base:bookworm", "slurm:dev-latest"]
    newer = VERSIONS.registry_images.model_copy(update={"slurm": "docker.io/nathanhess/slurm:next"})
    images = plan_images(_request(bases=REGISTRY), VERSIONS.model_copy(update={"registry_images": newer}))
    assert _built(images, _present(_plan(REGISTRY))) == [
        "docker.io/nathanhess/slurm:next",
        "slurm:dev-latest",
    ]


def test_images_of_an_older_version_follow_the_name_of_their_base() -> None:
    images = _plan(LOCAL)
    present = _present(images, of_an_older_version=True)
    assert _built(images, present) == []
    present[SLURM_BASE] = replace(present[SLURM_BASE], id="rebuilt for another instance")
    assert _built(images, present) == ["slurm:dev-latest"]
    del present[SLURM_BASE]
    assert _built(images, present) == ["slurm_base:trixie", "slurm:dev-latest"]


def test_refresh_makes_everything_anew_but_what_is_pinned() -> None:
    for images in (_plan(LOCAL), _plan(REGISTRY)):
        assert len(_made(decide(images, _storage(_present(images)), refresh=True))) == len(images)
    pinned = VERSIONS.registry_images.model_copy(update={"slurm": f"docker.io/nathanhess/slurm:v1@{DIGEST}"})
    images = plan_images(_request(bases=REGISTRY), VERSIONS.model_copy(update={"registry_images": pinned}))
    made = _made(decide(images, _storage(_present(images)), refresh=True))
    assert made == [VERSIONS.registry_images.jupyterhub, "jupyterhub:dev-latest", "slurm:dev-latest"]


DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("quay.io/a/b:1.0", "quay.io/a/b:1.0"),
        (f"quay.io/a/b@{DIGEST}", f"quay.io/a/b@{DIGEST}"),
        (f"quay.io/a/b:1.0@{DIGEST}", f"quay.io/a/b@{DIGEST}"),
        (f"127.0.0.1:5000/b:1.0@{DIGEST}", f"127.0.0.1:5000/b@{DIGEST}"),
        (f"127.0.0.1:5000/b@{DIGEST}", f"127.0.0.1:5000/b@{DIGEST}"),
    ],
)
def test_podman_knows_a_pinned_image_by_its_digest(reference: str, name: str) -> None:
    assert known_as(reference) == name


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
