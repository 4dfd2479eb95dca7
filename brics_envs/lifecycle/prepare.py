"""Read and check everything that a command's options name, before anything is created.

May import: errors, config, plan, kustomize.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brics_envs import kustomize
from brics_envs.config.deploy import DeploySettings, load_deploy_settings
from brics_envs.config.dev_users import DevUser, load_dev_users
from brics_envs.config.environment import Environment
from brics_envs.errors import ConfigError
from brics_envs.plan.images import Stage
from brics_envs.plan.manifest import (
    Document,
    InstanceSecrets,
    ManifestInputs,
    Ports,
    assemble,
    loopback_url,
    references,
    the_pod,
)
from brics_envs.plan.names import Instance
from brics_envs.plan.ports import plan_ports


@dataclass(frozen=True)
class Prepared:
    """An environment's validated configuration and its merged documents, for one instance."""

    environment: Environment
    instance: Instance
    ports: Ports
    settings: DeploySettings
    dev_users: tuple[DevUser, ...]
    documents: list[Document]

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
    def url(self) -> str:
        """Where users reach JupyterHub."""
        return f"{loopback_url(self.ports.http)}{self.settings.baseUrl.rstrip('/')}/"

    @property
    def issuer_url(self) -> str:
        """The local issuer; empty if there is none."""
        return "" if self.ports.issuer is None else loopback_url(self.ports.issuer)

    @property
    def images(self) -> tuple[str, ...]:
        """The images that the project builds for it: ``jupyterhub``, ``slurm`` …"""
        return tuple(_built_images(self.documents))

    @property
    def stage(self) -> Stage:
        """The stage of its images, ``dev`` or ``prod``."""
        tags = _built_images(self.documents).values()
        return "dev" if all(tag.startswith("dev-") for tag in tags) else "prod"

    @property
    def strict(self) -> bool:
        """Whether local bases and built-in packages are used only if they are asked for."""
        return self.stage == "prod"

    @property
    def local_issuer(self) -> bool:
        """Whether the pod has an OpenID provider of its own."""
        return self.ports.issuer is not None

    def refers_to(self, kind: str, name: str) -> bool:
        """Whether the pod refers to that ConfigMap or Secret."""
        return _refers_to(self.documents, kind, name)

    def manifest(self, secrets: InstanceSecrets) -> list[Document]:
        """The complete manifest with these secrets."""
        inputs = ManifestInputs(
            self.environment.name, self.instance, self.ports, self.settings, self.dev_users, secrets
        )
        return assemble(self.documents, inputs)


def prepare(
    environment: Environment, instance: Instance, port: int, direct_port: int | None, deploy_dir: Path | None
) -> Prepared:
    """Read an environment's overlay, deployment settings and users.

    :param port: the sign-in port.
    :param direct_port: where JupyterHub is to be published past the proxy in front of it.
    :param deploy_dir: a directory whose deploy.yaml replaces the environment's.
    :raises ConfigError: every problem of the first file that has any, or an option that the environment does not have.
    """
    files: tuple[Path, ...] = environment.deploy_files
    if deploy_dir is not None:
        files = (deploy_dir / "deploy.yaml",)
        if not files[0].exists():
            raise ConfigError(
                f"--deploy-dir: {files[0]}: no such file", hint="it holds the deployment settings"
            )
    settings = load_deploy_settings(*files)
    try:
        documents = kustomize.build(environment.overlay(settings))
    except kustomize.KustomizeError as error:
        raise ConfigError(error.message, hint=error.hint) from error
    containers = [container["name"] for container in the_pod(documents)["spec"]["containers"]]
    has_users = _refers_to(documents, "ConfigMap", "dev-user-config")
    dev_users = load_dev_users(environment.dev_users) if has_users else ()
    ports = plan_ports(port, direct_port, local_issuer="issuer" in containers)
    return Prepared(environment, instance, ports, settings, dev_users, documents)


def _refers_to(documents: list[Document], kind: str, name: str) -> bool:
    return any((k, holder[key]) == (kind, name) for k, holder, key in references(the_pod(documents)))


def _built_images(documents: list[Document]) -> dict[str, str]:
    """Image name → tag, of the images that the project builds."""
    images = [container["image"] for container in the_pod(documents)["spec"]["containers"]]
    own = [image.removeprefix("localhost/brics_") for image in images if image.startswith("localhost/brics_")]
    return dict(image.split(":") for image in own)
