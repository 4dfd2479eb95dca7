"""What images there are and what each is made of; pure. May import: errors, config, plan.

An image of ours (``localhost/brics_NAME:TAG``) is built on a base: one of a registry, or a local equivalent
made from Debian's packages. Each image carries a digest of all that went into it: same digest, nothing to do.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from brics_envs.config.versions import Versions
from brics_envs.errors import ConfigError
from brics_envs.plan.names import image_tag
from brics_envs.plan.overlay import Stage
from brics_envs.plan.sources import BaseSource


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
    :param bases: where each base of :func:`bases_of` comes from.
    :param repos: the dev repositories by their names.
    :param rebuild: build every stage without cache, local bases included.
    :param refresh: pull what is pulled anew, too.
    :param pulled: container → image of a registry that it runs as it is.
    """

    project_root: Path
    images: tuple[str, ...]
    stage: Stage
    tag_suffix: str
    bases: Mapping[str, BaseSource]
    repos: Mapping[str, RepoSnapshot]
    rebuild: bool
    refresh: bool = False
    pulled: Mapping[str, str] = field(default_factory=dict)

    @property
    def tags(self) -> dict[str, str]:
        """Container → the image that it runs."""
        return {name: image_tag(name, self.tag_suffix) for name in self.images} | {
            container: known_as(reference) for container, reference in self.pulled.items()
        }


@dataclass(frozen=True)
class Kind:
    """How an image is made, by convention from ``build/Containerfile.NAME``, with ``build`` as its context.

    :param base: key of versions.yaml's ``registry_images`` and ``debian_suites``.
    :param folders: the folders below ``build`` that it copies from.
    :param requirements: files of ``requirements/`` that it copies from the context of that name.
    :param repository: the dev repository that its last stages install, if it has such stages.
    """

    base: str = "debian"
    folders: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    repository: str | None = None


KINDS: dict[str, Kind] = {
    "jupyterhub": Kind(
        "jupyterhub", ("jupyterhub", "live"), ("hub.txt", "dev-tools.txt", "build.txt"), "bricsauthenticator"
    ),
    "slurm": Kind(
        "slurm",
        ("slurm", "live"),
        ("user-environment.txt", "dev-tools.txt", "build.txt"),
        "slurmspawner_wrappers",
    ),
    "accounting": Kind("slurm", ("accounting",)),
    "issuer": Kind(folders=("issuer",)),
    "proxy": Kind(folders=("proxy",)),
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

LOCAL_BASES: dict[str, Kind] = {
    "jupyterhub": Kind(folders=("bases/jupyterhub",), requirements=("jupyterhub.txt",)),
    "slurm": Kind(),
}
"""Local bases from ``build/bases/Containerfile.NAME``; others are plain Debian."""


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
    """An image of a registry, pulled if it is not there; ``hint`` is what to do if that fails.

    ``tag`` is NAME:TAG, or NAME@DIGEST where it is pinned: podman knows it by one of both.
    """

    tag: str
    hint: str
    base: None = None

    @property
    def pinned(self) -> bool:
        """Whether its digest is given, so that it is always the same."""
        return "@" in self.tag


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
    files: tuple[Path, ...]
    target: str | None = None
    args: tuple[tuple[str, str], ...] = ()
    content: tuple[str, ...] = ()


Image = DebianRoot | RegistryImage | Build


def refuse_unknown_images(images: Iterable[str]) -> None:
    """Refuse images that the project has no recipe for.

    :raises ConfigError: one is not in :data:`KINDS`.
    """
    for name in images:
        if name not in KINDS:
            raise ConfigError(f"unknown image {name!r}", hint=f"known are {', '.join(KINDS)}")


def repositories_of(images: Iterable[str]) -> tuple[str, ...]:
    """The dev repositories that images of :data:`KINDS` are made of."""
    return tuple(kind.repository for kind in map(KINDS.__getitem__, images) if kind.repository)


def bases_of(images: Iterable[str]) -> tuple[str, ...]:
    """The bases of images of :data:`KINDS`, each once; keys of versions.yaml's ``registry_images``."""
    return tuple(dict.fromkeys(KINDS[name].base for name in images))


def registry_image(base: str, versions: Versions) -> str:
    """The reference of a base in its registry, as podman knows it."""
    return known_as(str(getattr(versions.registry_images, base)))


def known_as(reference: str) -> str:
    """The name under which podman keeps an image: of NAME:TAG@DIGEST, NAME@DIGEST alone."""
    name, at, digest = reference.partition("@")
    return re.sub(r":[\w.-]+$", "", name) + at + digest if at else name


def local_base(base: str, project_root: Path, versions: Versions) -> tuple[Image, ...]:
    """The local equivalent of a base, last, behind what it is made of."""
    suite = str(getattr(versions.debian_suites, base))
    root = DebianRoot(image_tag("debian", suite), suite)
    if base not in LOCAL_BASES:
        return (root,)
    build = _build(
        LOCAL_BASES[base],
        project_root,
        Path("bases", f"Containerfile.{base}"),
        tag=image_tag(f"{base}_base", suite),
        base=root.tag,
    )
    return (root, build)


def plan_images(request: ImageRequest, versions: Versions) -> tuple[Image, ...]:
    """All images that are needed, each behind the one that it is built on."""
    images: dict[str, Image] = {}
    for name in request.images:
        base = KINDS[name].base
        below: tuple[Image, ...] = (
            (RegistryImage(registry_image(base, versions), BASE_HINT),)
            if request.bases[base] == "registry"
            else local_base(base, request.project_root, versions)
        )
        for image in (*below, _own(name, below[-1].tag, request, versions)):
            images[image.tag] = image
    for reference in request.pulled.values():
        images[known_as(reference)] = RegistryImage(known_as(reference), PULLED_HINT)
    return tuple(images.values())


def _own(name: str, base: str, request: ImageRequest, versions: Versions) -> Build:
    kind = KINDS[name]
    image = _build(
        kind,
        request.project_root,
        Path(f"Containerfile.{name}"),
        tag=image_tag(name, request.tag_suffix),
        base=base,
    )
    if not kind.repository:
        return image
    snapshot = request.repos[kind.repository]
    return replace(
        image,
        contexts=(*image.contexts, (snapshot.name, snapshot.directory)),
        target=f"stage-{request.stage}",
        args=(
            ("JUPYTERHUB_VERSION", versions.jupyterhub),
            (f"{snapshot.name.upper()}_VERSION", snapshot.version),
        ),
        # Not the repository's version: it changes with every commit and, for uncommitted edits, every day.
        content=(snapshot.digest, versions.jupyterhub),
    )


def _build(kind: Kind, root: Path, containerfile: Path, *, tag: str, base: str) -> Build:
    context, requirements = root / "build", root / "requirements"
    return Build(
        tag=tag,
        base=base,
        containerfile=context / containerfile,
        context=context,
        contexts=(("requirements", requirements),) if kind.requirements else (),
        files=(
            context / containerfile,
            *(context / folder for folder in kind.folders),
            *(requirements / name for name in kind.requirements),
        ),
    )


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
