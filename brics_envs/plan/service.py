"""A systemd unit that starts an instance at boot: Quadlet's ``.kube`` (podman-systemd.unit(5)). Pure.

May import: plan.

Secrets are not in its manifest: ``podman kube play`` finds those that `up` has put into podman.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from brics_envs.plan.names import LABEL_ENVIRONMENT, Checkout, Instance
from brics_envs.plan.overlay import Document, the_pod

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
    name = the_pod(manifest)["metadata"]["labels"][LABEL_ENVIRONMENT]
    lines = [
        f"{MARK} in {_word(str(checkout.folder))}; `invoke down` removes it.",
        "[Unit]",
        f"Description=JupyterHub, instance {instance.name} of {name}",
        "",
        "[Kube]",
        f"Yaml={manifest_file(instance)}",
        f"Network={instance.network}",
        "",
        "[Service]",
        *(f'Environment="{key}={_word(value)}"' for key, value in environment.items()),
        "Restart=on-failure",
        "RestartSec=30",
        "TimeoutStartSec=300",
        "",
        "[Install]",
        f"WantedBy={'default.target' if user else 'multi-user.target'}",
    ]
    return "\n".join([*lines, ""])


def _word(text: str) -> str:
    """As systemd reads it (systemd.syntax(7)): one line, no specifiers."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")


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
