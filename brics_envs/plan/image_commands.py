"""The arguments that build, import and pull images; pure. May import: errors, config, plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from brics_envs.plan.images import DEBIAN_OPTIONS, Build, DebianRoot
from brics_envs.plan.names import LABEL_INPUTS, LABEL_PROJECT, PROJECT

BUILD_ARGUMENT = "BRICS_BUILD"
"""A build argument that no Containerfile uses, which podman keeps beside the containers of a build."""


def labels(digest: str) -> tuple[tuple[str, str], ...]:
    """The labels of an image of ours."""
    return ((LABEL_PROJECT, PROJECT), (LABEL_INPUTS, digest))


def build_arguments(
    image: Build,
    *,
    base_id: str,
    digest: str,
    rebuild: bool,
    volumes: tuple[str, ...],
    limits: Mapping[str, int],
    command_id: str,
) -> list[str]:
    """podman's arguments that build an image.

    :param volumes: the host's settings for the build alone, as ``--volume`` takes them.
    :param limits: this process's own hard limits by name; podman would ask for higher ones, which only
        CAP_SYS_RESOURCE allows.
    :param command_id: tells the builds of one process from those of others.
    """
    # One stage after the other, podman's default: with several jobs podman 5.4 at times overlooks layers that it has.
    arguments = ["build", "--pull=never", "--network=host", f"--file={image.containerfile}"]
    arguments += [f"--tag={image.tag}", f"--layer-label={LABEL_PROJECT}={PROJECT}"]
    arguments += [f"--label={key}={value}" for key, value in labels(digest)]
    arguments += [f"--target={image.target}"] if image.target else []
    arguments += ["--no-cache"] if rebuild else []
    arguments += [f"--build-arg={key}={value}" for key, value in (("BASE_IMAGE", base_id), *image.args)]
    arguments += [f"--build-arg={BUILD_ARGUMENT}={command_id}"]
    arguments += [f"--build-context={name}={folder}" for name, folder in image.contexts]
    arguments += [f"--volume={volume}" for volume in volumes]
    arguments += [f"--ulimit={name}={value}:{value}" for name, value in limits.items()]
    return [*arguments, str(image.context)]


def debian_arguments(root: DebianRoot, sources: tuple[str, ...], tar: Path) -> list[str]:
    """The command that makes a Debian root file system as a tar file.

    :param sources: lines as in sources.list(5).
    """
    return ["mmdebstrap", *DEBIAN_OPTIONS, "--format=tar", root.suite, str(tar), *sources]


def import_arguments(root: DebianRoot, tar: Path, digest: str) -> list[str]:
    """podman's arguments that make an image of a root file system."""
    changes = [f"--change=LABEL {key}={value}" for key, value in labels(digest)]
    return ["import", *changes, "--change=CMD /bin/bash", str(tar), root.tag]
