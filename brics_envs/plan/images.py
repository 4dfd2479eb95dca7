"""What images there are and what each is made of; pure. May import: errors, config.

An image of ours (``localhost/brics_NAME:TAG``) is built on a base: one of a registry, or a local equivalent
made from Debian's packages. Each image carries a digest of all that went into it: same digest, nothing to do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from brics_envs.config.versions import SUITES, Versions
from brics_envs.errors import ConfigError

Stage = Literal["dev", "prod"]
BaseChoice = Literal["auto", "registry", "local"]
BaseSource = Literal["registry", "local"]


@dataclass(frozen=True)
class RepoSnapshot:
    """A copy of a dev repository as it goes into an image, no ``.git``; ``digest`` is of its contents."""

    name: str
    directory: Path
    version: str
    digest: str


@dataclass(frozen=True)
class ImageRequest:
    """What images are wanted.

    :param images: names of :data:`KINDS`.
    :param tag_suffix: the tag of each, such as ``dev-latest``.
    :param repos: the dev repositories by their names.
    :param rebuild: build every stage without cache, local bases included.
    :param allow_local: whether ``base="auto"`` may fall back to local bases.
    :param debian_suites: Debian releases of local bases that differ from those of versions.yaml.
    :param pulled: container → image of a registry that it runs as it is.
    """

    project_root: Path
    images: tuple[str, ...]
    stage: Stage
    tag_suffix: str
    base: BaseChoice
    repos: Mapping[str, RepoSnapshot]
    rebuild: bool
    allow_local: bool
    debian_suites: Mapping[str, str] = field(default_factory=dict)
    pulled: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """How an image is made, by convention from ``build/Containerfile.NAME`` and the folder ``build/NAME``.

    :param base: key of versions.yaml's ``registry_images`` and ``debian_suites``.
    :param requirements: files of ``requirements/`` that it copies from the context of that name.
    :param repository: the dev repository that its last stages install, if it has such stages.
    """

    base: str = "debian"
    requirements: tuple[str, ...] = ()
    repository: str | None = None


KINDS: dict[str, Kind] = {
    "jupyterhub": Kind("jupyterhub", ("hub.txt",), "bricsauthenticator"),
    "slurm": Kind("slurm", ("user-environment.txt",), "slurmspawner_wrappers"),
    "issuer": Kind(),
    "proxy": Kind(),
}

DEBIAN_OPTIONS = (
    "--variant=minbase",
    *(
        f"--dpkgopt=path-exclude=/usr/share/{name}"
        for name in ("man/*", "locale/*", "info/*", "doc/*", "doc-base/*", "lintian/*")
    ),
    # Licences stay.
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    '--aptopt=Acquire::Languages "none"',
    # As in Debian's own container images: no cache is kept, and no package starts its service when installed.
    """--customize-hook=printf '%s\\n' 'APT::Keep-Downloaded-Packages "false";' 'Dir::Cache::pkgcache "";' """
    """'Dir::Cache::srcpkgcache "";' >"$1/etc/apt/apt.conf.d/90no-cache" """,
    """--customize-hook=printf '#!/bin/sh\\nexit 101\\n' >"$1/usr/sbin/policy-rc.d" """,
    '--customize-hook=chmod 755 "$1/usr/sbin/policy-rc.d"',
    '--customize-hook=rm "$1"/var/cache/apt/*.bin',
)
"""mmdebstrap's options for a small root file system."""

BASE_REQUIREMENTS: dict[str, tuple[str, ...]] = {"jupyterhub": ("jupyterhub.txt",), "slurm": ()}
"""Local bases from ``build/bases/Containerfile.NAME``, with their requirements; others are plain Debian."""


BASE_HINT = "`--base local` builds an equivalent from Debian's packages instead"
PULLED_HINT = (
    "config/versions.yaml names it; `podman load` or `podman pull` on another way brings it here beforehand"
)


@dataclass(frozen=True)
class DebianRoot:
    """A minimal Debian, made with mmdebstrap."""

    tag: str
    suite: str
    base: None = None


@dataclass(frozen=True)
class RegistryImage:
    """An image of a registry, pulled if it is not there; ``hint`` is what to do if that fails."""

    tag: str
    hint: str
    base: None = None


@dataclass(frozen=True)
class Build:
    """An image that ``podman build`` makes.

    :param base: the tag of the image that it is built on.
    :param contexts: additional build contexts by name.
    :param files: files and folders whose contents go into it.
    :param content: what else goes into it, or stands for it: digests of repositories, versions.
    """

    tag: str
    base: str
    containerfile: Path
    context: Path
    contexts: tuple[tuple[str, Path], ...]
    target: str | None
    args: tuple[tuple[str, str], ...]
    files: tuple[Path, ...]
    content: tuple[str, ...] = ()


Image = DebianRoot | RegistryImage | Build


def validate(request: ImageRequest) -> None:
    """Refuse what cannot be built.

    :raises ConfigError: an unknown image or Debian release.
    """
    for name in request.images:
        if name not in KINDS:
            raise ConfigError(f"unknown image {name!r}", hint=f"known are {', '.join(KINDS)}")
    for suite in request.debian_suites.values():
        if suite not in SUITES:
            raise ConfigError(f"unknown Debian release {suite!r}", hint=f"known are {', '.join(SUITES)}")


def repositories_of(images: Iterable[str]) -> tuple[str, ...]:
    """The dev repositories that images of :data:`KINDS` are made of."""
    return tuple(kind.repository for kind in map(KINDS.__getitem__, images) if kind.repository)


def image_tag(name: str, tag_suffix: str) -> str:
    """The full name of an image of ours."""
    return f"localhost/brics_{name}:{tag_suffix}"


def bases_of(request: ImageRequest) -> tuple[str, ...]:
    """The bases of the wanted images, each once; keys of versions.yaml's ``registry_images``."""
    return tuple(dict.fromkeys(KINDS[name].base for name in request.images))


def registry_image(base: str, versions: Versions) -> str:
    """The reference of a base in its registry."""
    return str(getattr(versions.registry_images, base))


def local_base(base: str, request: ImageRequest, versions: Versions) -> tuple[Image, ...]:
    """The local equivalent of a base, last, behind what it is made of."""
    suite = request.debian_suites.get(base) or str(getattr(versions.debian_suites, base))
    root = DebianRoot(f"localhost/brics_debian:{suite}", suite)
    if base not in BASE_REQUIREMENTS:
        return (root,)
    folder = request.project_root / "build" / "bases"
    requirements = _requirements(request.project_root, BASE_REQUIREMENTS[base])
    containerfile, context = folder / f"Containerfile.{base}", folder / base
    build = Build(
        tag=f"localhost/brics_{base}_base:{suite}",
        base=root.tag,
        containerfile=containerfile,
        context=context,
        contexts=(("requirements", request.project_root / "requirements"),) if requirements else (),
        target=None,
        args=(),
        files=(containerfile, context, *requirements),
    )
    return (root, build)


def plan_images(
    request: ImageRequest, versions: Versions, sources: Mapping[str, BaseSource]
) -> tuple[Image, ...]:
    """All images that are needed, each behind the one that it is built on.

    :param sources: where each base comes from.
    """
    images: dict[str, Image] = {}
    for name in request.images:
        base = KINDS[name].base
        below: tuple[Image, ...] = (
            (RegistryImage(registry_image(base, versions), BASE_HINT),)
            if sources[base] == "registry"
            else local_base(base, request, versions)
        )
        for image in (*below, _own(name, below[-1].tag, request, versions)):
            images[image.tag] = image
    for reference in request.pulled.values():
        images[reference] = RegistryImage(reference, PULLED_HINT)
    return tuple(images.values())


def _own(name: str, base: str, request: ImageRequest, versions: Versions) -> Build:
    kind, root = KINDS[name], request.project_root
    containerfile, context = root / "build" / f"Containerfile.{name}", root / "build" / name
    requirements = _requirements(root, kind.requirements)
    contexts = [("requirements", root / "requirements")] if requirements else []
    args: tuple[tuple[str, str], ...] = ()
    content: tuple[str, ...] = ()
    if kind.repository:
        snapshot = request.repos[kind.repository]
        contexts.append((snapshot.name, snapshot.directory))
        args = (
            ("JUPYTERHUB_VERSION", versions.jupyterhub),
            (f"{snapshot.name.upper()}_VERSION", snapshot.version),
        )
        # Not the repository's version: it changes with every commit and, for uncommitted edits, every day.
        content = (snapshot.digest, versions.jupyterhub)
    return Build(
        tag=image_tag(name, request.tag_suffix),
        base=base,
        containerfile=containerfile,
        context=context,
        contexts=tuple(contexts),
        target=f"stage-{request.stage}" if kind.repository else None,
        args=args,
        files=(containerfile, context, *requirements),
        content=content,
    )


def _requirements(root: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(root / "requirements" / name for name in names)


def inputs_digest(image: Build | DebianRoot, files_digest: str, base_id: str) -> str:
    """A digest of all that goes into an image; where the checkout is does not matter.

    :param files_digest: of the contents of ``image.files``.
    :param base_id: the ID of the image that it is built on.
    """
    parts: list[object] = [files_digest, base_id]
    if isinstance(image, DebianRoot):
        parts += [image.suite, DEBIAN_OPTIONS]
    else:
        parts += [image.target, image.content]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
