"""A systemd unit that starts an instance at boot: Quadlet's ``.kube`` (podman-systemd.unit(5)). Pure.

May import: plan.

Secrets are not in its manifest: ``podman kube play`` finds those that `up` has put into podman.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from brics_envs.plan.names import LABEL_ENVIRONMENT, Checkout, Instance
from brics_envs.plan.overlay import Document, the_pod

TEMPLATES = Path(__file__).with_name("templates")

MARK = "# Made by `invoke service`"
"""What its file begins with; another file of that name is somebody else's."""


def unit_file(instance: Instance) -> str:
    """The unit's file name; systemd knows it as :func:`service_name`."""
    return f"{instance.pod}.kube"


def manifest_file(instance: Instance) -> str:
    """The name of the manifest beside it."""
    return f"{instance.pod}.yaml"


def service_name(instance: Instance) -> str:
    """The service that podman's generator makes of the unit."""
    return f"{instance.pod}.service"


def service_manifest(manifest: Iterable[Document]) -> list[Document]:
    """What the unit plays: an instance's manifest without its Secrets."""
    return [document for document in manifest if document["kind"] != "Secret"]


def unit_text(
    instance: Instance,
    checkout: Checkout,
    manifest: list[Document],
    environment: Mapping[str, str],
    *,
    user: bool,
) -> str:
    """The unit.

    :param environment: variables for podman.
    :param user: whether it is a user's, not the system's.
    """
    # Only here: the other commands need not wait for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        finalize=_word,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - no HTML: systemd reads it, and so each value is written as it wants it
    )
    return templates.get_template("instance.kube").render(
        mark=MARK,
        checkout=checkout,
        instance=instance,
        environment=the_pod(manifest)["metadata"]["labels"][LABEL_ENVIRONMENT],
        manifest=manifest_file(instance),
        variables=environment,
        user=user,
    )


def _word(value: object) -> str:
    """As systemd reads it (systemd.syntax(7)): one line, no specifiers."""
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")


def unit_directory(environment: Mapping[str, str], *, user: bool) -> Path:
    """Where podman's generator looks for units first (podman-systemd.unit(5)).

    :param environment: environment variables.
    """
    if given := environment.get("QUADLET_UNIT_DIRS", "").split(":")[0]:
        return Path(given)
    if not user:
        return Path("/etc/containers/systemd")
    config = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME", "/"), ".config")
    return Path(config) / "containers" / "systemd"
