"""Names, labels and places of what an instance is made of: the contract with users and their scripts.

Pure. May import: errors, config.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from brics_envs.config.options import DEFAULT_INSTANCE
from brics_envs.errors import ConfigError

PROJECT = "brics-jupyterhub-envs"
"""The value of :data:`LABEL_PROJECT` on everything that is created."""

LABEL_PROJECT = "app.kubernetes.io/part-of"
LABEL_INSTANCE = "app.kubernetes.io/instance"
LABEL_ENVIRONMENT = "brics.environment"
LABEL_CHECKOUT = "brics.checkout"
LABEL_FOLDER = "brics.checkout-folder"
"""The checkout that made something: its ID and its folder. In manifests an annotation: no label has slashes there."""

LABEL_CONTENTS = "brics.contents"
CONFIGURATION = "configuration"
"""Of a volume: it holds a ConfigMap or a Secret, which are made anew with the pod."""

ANNOTATION_RECORD = "brics.record"
"""Of a pod: what the commands need to know of it (:class:`brics_envs.plan.record.Record`), as JSON."""

LABEL_SIGN_IN = "brics.sign-in"
"""Of a pod: ``token`` where users sign in with ID tokens."""

ANNOTATION_SOURCES = "brics.sources"
"""Of a pod: what it was made of, as far as somebody chose it (:mod:`brics_envs.plan.sources`), as JSON."""

LABEL_INPUTS = "brics.inputs"
"""Of a pod or an image: digest of all that it was made from. Intermediate images do not have it."""

LABEL_BASE = "org.opencontainers.image.base.name"
"""Of an image: the name of the one that it was built on (OCI's annotation of that name)."""

LABEL_VERSION = "org.opencontainers.image.version"
LABEL_REVISION = "org.opencontainers.image.revision"
"""Of an image: the project's version, and the commit that it was built from (OCI's annotations of those names). No
reason to build an image anew: that is what :data:`LABEL_INPUTS` tells."""

LABEL_BASE_ID = "brics.base-id"
LABEL_BASE_CREATED = "brics.base-created"
"""Of an image: ID, and time of making (RFC 3339), of the one that it was built on."""

LABEL_BASE_RECIPE = "brics.base-recipe"
"""Of an image: digest of what the one that it was built on is to be made of, however often that was made since."""

LABEL_DEBIAN = "brics.debian"
LABEL_DEBIAN_RELEASE = "brics.debian-release"
"""Of a local base and what is built on it: the Debian release with the date of the mirror's state (RFC 3339), and the
digest of the release file of that state."""

OURS = ("--filter", f"label={LABEL_PROJECT}={PROJECT}")
"""podman's arguments that select what carries the project's label."""

IMAGE_PREFIX = "localhost/brics_"
"""What the names of the images begin with that the project builds."""

ZENITH_CONTAINER = "zenith-client"
NADIR_CONTAINER = "nadir-client"

TUNNELS = {ZENITH_CONTAINER: "Zenith", NADIR_CONTAINER: "Nadir"}
"""Container that opens a tunnel through which all users come → the tunnel's name."""

HUB_PROXY_CONTAINER = "configurable-http-proxy"

FIREWALL_CONTAINER = "firewall"
"""The init container, which ends when it has done its work."""

MAX_INSTANCE_LENGTH = 20
"""Characters; a pod's name with it stays within the 63 of a DNS label (RFC 1123)."""


@dataclass(frozen=True)
class Checkout:
    """A checkout of this project: a random ID, empty until it has made something, and its folder."""

    id: str
    folder: Path

    @property
    def labels(self) -> dict[str, str]:
        """What marks its things in podman."""
        return {LABEL_CHECKOUT: self.id, LABEL_FOLDER: str(self.folder)}


@dataclass(frozen=True)
class Instance:
    """One running copy of an environment; ``default`` has the plain names, others end in their name."""

    name: str = DEFAULT_INSTANCE

    @property
    def suffix(self) -> str:
        """What names with hyphens end in: ``-NAME``, or nothing for the default instance."""
        return "" if self.name == DEFAULT_INSTANCE else f"-{self.name}"

    def named(self, base: str) -> str:
        """The name of this instance's copy of something; a name with an underscore gets ``_NAME``."""
        return base + (self.suffix.replace("-", "_", 1) if "_" in base else self.suffix)

    @property
    def pod(self) -> str:
        """The pod's name."""
        return self.named("jupyterhub-slurm")

    @property
    def network(self) -> str:
        """The podman network that only this instance is on."""
        return self.named("jupyterhub-slurm-network")

    def container(self, name: str) -> str:
        """The full name that ``podman kube play`` gives a container of the pod."""
        return f"{self.pod}-{name}"

    def image_tag(self, stage: str) -> str:
        """The tag of this instance's images of a stage, ``dev`` or ``prod``."""
        tag = "latest" if self.name == DEFAULT_INSTANCE else self.name
        return tag if stage == "prod" else f"{stage}-{tag}"

    def directory(self, project_root: Path) -> Path:
        """Where this instance's generated files are: ``_build/NAME``."""
        return project_root / "_build" / self.name

    @property
    def labels(self) -> dict[str, str]:
        """The labels that everything of this instance carries."""
        return {LABEL_PROJECT: PROJECT, LABEL_INSTANCE: self.name}


def image_tag(name: str, tag: str) -> str:
    """The full name of an image that the project builds."""
    return f"{IMAGE_PREFIX}{name}:{tag}"


def parse_instance(value: str) -> Instance:
    """The instance for a ``--instance`` value.

    :raises ConfigError: not a DNS label (RFC 1123), too long, or a name whose image tags another instance has.
    """
    if value == "latest" or value.startswith("dev-"):
        raise ConfigError(
            f"--instance: {value!r} is not allowed: image tags of that name are taken",
            hint="choose another name",
        )
    if len(value) > MAX_INSTANCE_LENGTH or not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", value):
        raise ConfigError(
            f"--instance: {value!r} is not allowed",
            hint=f"use at most {MAX_INSTANCE_LENGTH} of a-z, 0-9 and -, with a letter or digit at both ends",
        )
    return Instance(value)
