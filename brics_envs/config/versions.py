"""Versions, images and default repository URLs: ``config/versions.yaml``. May import: errors, config."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from brics_envs.config.repos import parse_url
from brics_envs.config.yaml_file import YamlMapping, load_mapping
from brics_envs.errors import ConfigError

PROJECT_VERSION = "0.1.0"
"""The project's own; backups say which one made them."""

DebianSuite = Literal["bookworm", "trixie"]
"""The Debian releases that the local base images can be made of."""


def _version(value: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+)+", value):
        raise ValueError("must be a version such as 6.1.1")
    return value


def _image(value: str) -> str:
    # With the registry's name: what a short name means is up to each machine's podman.
    if not re.fullmatch(r"[\w.-]+(:\d+)?(/[a-z0-9._-]+)+(?=[:@])(:[\w.-]+)?(@sha256:[0-9a-f]{64})?", value):
        raise ValueError(
            "must be REGISTRY/NAME:TAG, REGISTRY/NAME@sha256:DIGEST or REGISTRY/NAME:TAG@sha256:DIGEST"
        )
    return value


def _repository_url(value: str) -> str:
    parse_url(value)
    return value


RepositoryUrl = Annotated[str, AfterValidator(_repository_url)]
Version = Annotated[str, AfterValidator(_version)]
ImageReference = Annotated[str, AfterValidator(_image)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RegistryImages(_Model):
    """The images of registries that ours are built on."""

    jupyterhub: ImageReference
    slurm: ImageReference
    debian: ImageReference


class DebianSuites(_Model):
    """The Debian releases that the local bases are made of."""

    jupyterhub: DebianSuite
    slurm: DebianSuite
    debian: DebianSuite


class Repositories(_Model):
    """The URLs that the dev repositories are cloned from by default."""

    bricsauthenticator: RepositoryUrl
    slurmspawner_wrappers: RepositoryUrl


class Versions(_Model):
    """What is pinned outside the lock files. The names are the file's keys."""

    jupyterhub: Version
    batchspawner: Version
    configurable_http_proxy: Version
    registry_images: RegistryImages
    debian_suites: DebianSuites
    zenith_client_image: ImageReference
    repositories: Repositories


def load_versions(project_root: Path) -> Versions:
    """Read ``config/versions.yaml``.

    :raises ConfigError: every unknown or missing key and every bad value, with file and line.
    """
    file = load_mapping(project_root / "config" / "versions.yaml")
    try:
        return Versions.model_validate(file.values)
    except ValidationError as error:
        problems = [_problem(file, tuple(map(str, e["loc"])), e["type"], e["msg"]) for e in error.errors()]
        raise ConfigError("\n".join(problems)) from None


def _problem(file: YamlMapping, where: tuple[str, ...], kind: str, message: str) -> str:
    texts = {"extra_forbidden": "unknown key", "missing": "this key is missing"}
    text = texts.get(kind, message.removeprefix("Value error, "))
    return f"{file.where(where[0] if where else '')}: {'.'.join(where)}: {text}"
