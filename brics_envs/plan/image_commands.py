"""The arguments that build, import and pull images; pure. May import: errors, config, plan."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from brics_envs.config.versions import PROJECT_VERSION
from brics_envs.plan.debian_sources import DebianState
from brics_envs.plan.images import DEBIAN_OPTIONS, Build, DebianRoot
from brics_envs.plan.names import (
    LABEL_BASE,
    LABEL_BASE_CREATED,
    LABEL_BASE_ID,
    LABEL_BASE_RECIPE,
    LABEL_DEBIAN,
    LABEL_DEBIAN_RELEASE,
    LABEL_INPUTS,
    LABEL_PROJECT,
    LABEL_REVISION,
    LABEL_VERSION,
    PROJECT,
)

BUILD_ARGUMENT = "BRICS_BUILD"
"""A build argument that no Containerfile uses, which podman keeps beside the containers of a build."""

RELEASES = "/brics-releases"
"""In a root file system while it is made: the release files of its mirror."""


@dataclass(frozen=True)
class BaseImage:
    """What an image is built on: its name, its ID, when it was made (RFC 3339), and the digest of its recipe."""

    name: str
    id: str
    created: str
    recipe: str


def image_labels(digest: str, base: BaseImage, revision: str) -> dict[str, str]:
    """The labels of an image that we build.

    :param digest: of all that goes into it.
    :param revision: the project's commit in hexadecimal; empty: it is not known.
    """
    return {
        LABEL_PROJECT: PROJECT,
        LABEL_INPUTS: digest,
        LABEL_VERSION: PROJECT_VERSION,
        # In any case, so that none of the base image's is inherited.
        LABEL_REVISION: revision or "unknown",
        LABEL_BASE: base.name,
        LABEL_BASE_ID: base.id,
        LABEL_BASE_CREATED: base.created,
        LABEL_BASE_RECIPE: base.recipe,
    }


def build_arguments(
    image: Build,
    *,
    base: BaseImage,
    digest: str,
    revision: str,
    rebuild: bool,
    volumes: tuple[str, ...],
    limits: Mapping[str, int],
    command_id: str,
    secrets: Mapping[str, Path] | None = None,
) -> list[str]:
    """podman's arguments that build an image.

    :param digest, revision: as :func:`image_labels` has them.
    :param volumes: the host's settings for the build alone, as ``--volume`` takes them.
    :param limits: this process's own hard limits by name; podman would ask for higher ones, which only
        CAP_SYS_RESOURCE allows.
    :param command_id: tells the builds of one process from those of others.
    :param secrets: build secret → file, where podman is on another machine.
    """
    # One stage after the other, podman's default: with several jobs podman 5.4 at times overlooks layers that it has.
    arguments = ["build", "--pull=never", "--network=host", f"--file={image.containerfile}"]
    arguments += [f"--tag={image.tag}", f"--layer-label={LABEL_PROJECT}={PROJECT}"]
    arguments += [f"--label={key}={value}" for key, value in image_labels(digest, base, revision).items()]
    arguments += [f"--target={image.target}"] if image.target else []
    arguments += ["--no-cache"] if rebuild else []
    arguments += [f"--build-arg={key}={value}" for key, value in (("BASE_IMAGE", base.id), *image.args)]
    arguments += [f"--build-arg={BUILD_ARGUMENT}={command_id}"]
    arguments += [f"--build-context={name}={folder}" for name, folder in image.contexts]
    arguments += [f"--volume={volume}" for volume in volumes]
    arguments += [f"--secret=id={name},src={file}" for name, file in (secrets or {}).items()]
    arguments += [f"--ulimit={name}={value}:{value}" for name, value in limits.items()]
    return [*arguments, str(image.context)]


def debian_arguments(root: DebianRoot, sources: tuple[str, ...], tar: Path, releases: Path) -> list[str]:
    """The command that makes a Debian root file system as a tar file.

    :param sources: lines as in sources.list(5).
    :param releases: gets the mirror's signed release files, one behind the other: they tell the state that was taken.
    """
    # Hooks of a user who is not root run as another, who could not write where the file is to be; `download` writes as
    # the user.
    hooks = (
        f'cat "$1"/var/lib/apt/lists/*Release >"$1{RELEASES}"',
        f"download {RELEASES} {shlex.quote(str(releases))}",
        f'rm "$1{RELEASES}"',
    )
    keep = [f"--customize-hook={hook}" for hook in hooks]
    return ["mmdebstrap", *DEBIAN_OPTIONS, *keep, "--format=tar", root.suite, str(tar), *sources]


def import_arguments(root: DebianRoot, tar: Path, digest: str, state: DebianState) -> list[str]:
    """podman's arguments that make an image of a root file system.

    :param state: of the mirror that it was made from.
    """
    labels = {
        LABEL_PROJECT: PROJECT,
        LABEL_INPUTS: digest,
        LABEL_DEBIAN: f"{root.suite} {state.date}".strip(),
        LABEL_DEBIAN_RELEASE: state.digest,
    }
    changes = [f'--change=LABEL {key}="{value}"' for key, value in labels.items()]
    return ["import", *changes, "--change=CMD /bin/bash", str(tar), root.tag]
