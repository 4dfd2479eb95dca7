"""What an instance is to be: its environment's configuration, read and checked. Pure. May import: config, plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from brics_envs.config.deploy import DeploySettings
from brics_envs.config.dev_users import DevUser
from brics_envs.config.environment import Environment
from brics_envs.plan.names import Checkout, Instance
from brics_envs.plan.overlay import Overlay
from brics_envs.plan.ports import Ports, beside, loopback_url


@dataclass(frozen=True)
class DesiredState:
    """An environment's validated configuration and its overlay, for one instance.

    ``deploy_files`` is what comes from the ``--deploy-dir``, name → text; None if something is needed from there and
    none was given. ``images`` are those to be used for containers whose images are not ours: container → image.
    ``layers`` are further layers of the hub's configuration, file name → text. ``without_effect`` are settings that
    are set and change nothing.
    ``slurm_files`` are those that the environment has for the Slurm in the pod, name → text.
    """

    environment: Environment
    checkout: Checkout
    instance: Instance
    overlay: Overlay
    settings: DeploySettings
    dev_users: tuple[DevUser, ...]
    ports: Ports
    deploy_files: Mapping[str, str] | None = field(default_factory=dict, repr=False)
    images: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)
    without_effect: tuple[str, ...] = ()
    slurm_files: Mapping[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """Where the instance's generated files are."""
        return self.instance.directory(self.environment.root)

    @property
    def password(self) -> str | None:
        """The password of the deployment settings, if they have one."""
        password = self.settings.dummyAuthPassword
        return password.get_secret_value() if password else None

    @property
    def public_url(self) -> str:
        """Where browsers find the sign-in port; empty if there is none."""
        return "" if self.ports.http is None else self.settings.publicUrl or loopback_url(self.ports.http)

    @property
    def is_forwarded(self) -> bool:
        """Whether that is another place than this machine's sign-in port."""
        return self.ports.http is not None and self.public_url != loopback_url(self.ports.http)

    @property
    def url(self) -> str:
        """Where users of this machine reach JupyterHub; empty if they do not."""
        return self.public_url and f"{self.public_url}{self.base_url}"

    @property
    def base_url(self) -> str:
        """The path of JupyterHub's pages, with a slash at its end."""
        return f"{self.settings.baseUrl.rstrip('/')}/"

    @property
    def issuer_url(self) -> str:
        """The local issuer; empty if there is none."""
        return "" if self.ports.issuer is None else beside(self.public_url)

    @property
    def strict(self) -> bool:
        """Whether local bases and built-in packages are used only if they are asked for."""
        return self.overlay.stage == "prod"

    @property
    def awaits_tokens(self) -> bool:
        """Whether users are expected to come with a token of an external issuer."""
        return self.overlay.takes_tokens and not self.overlay.has_issuer
