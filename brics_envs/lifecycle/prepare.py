"""Read and check everything that a command's options name, before anything is created.

May import: errors, config, plan, effects.ports, lifecycle.instance_files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pykustomize
from brics_envs.config.deploy import DeploySettings, load_deploy_settings
from brics_envs.config.deploy_dir import (
    EXTERNAL_SLURM_FILES,
    ZENITH_FILES,
    DeployKeys,
    load_deploy_keys,
)
from brics_envs.config.dev_users import DevUser, load_dev_users
from brics_envs.config.environment import Environment
from brics_envs.config.versions import load_versions
from brics_envs.effects.ports import address_of
from brics_envs.errors import ConfigError
from brics_envs.lifecycle.instance_files import Generated
from brics_envs.plan.images import Stage
from brics_envs.plan.manifest import (
    ZENITH_CONTAINER,
    Document,
    Endpoint,
    InstanceSecrets,
    ManifestInputs,
    Ports,
    assemble,
    loopback_url,
    references,
    the_pod,
)
from brics_envs.plan.names import Instance
from brics_envs.plan.ports import hub_api_endpoint, plan_ports


@dataclass(frozen=True)
class Prepared:
    """An environment's validated configuration and its merged documents, for one instance.

    ``keys`` is what comes from the ``--deploy-dir``; None if something is needed from there and none was given.
    ``images`` are those to be used for other containers than ours.
    """

    environment: Environment
    instance: Instance
    ports: Ports
    settings: DeploySettings
    dev_users: tuple[DevUser, ...]
    documents: list[Document]
    keys: DeployKeys | None
    images: dict[str, str]

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
        """Where users of this machine reach JupyterHub; empty if they do not."""
        return "" if self.ports.http is None else f"{loopback_url(self.ports.http)}{self.base_url}"

    @property
    def base_url(self) -> str:
        """The path of JupyterHub's pages, with a slash at its end."""
        return f"{self.settings.baseUrl.rstrip('/')}/"

    @property
    def issuer_url(self) -> str:
        """The local issuer; empty if there is none."""
        return "" if self.ports.issuer is None else loopback_url(self.ports.issuer)

    @property
    def built_images(self) -> tuple[str, ...]:
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
    def generated(self) -> Generated:
        """The secrets that are generated for it."""
        return Generated(
            password=self.refers_to("Secret", "deploy-secret"),
            ssh_keys=_has_container(self.documents, "slurm"),
            local_issuer=self.ports.issuer is not None,
        )

    @property
    def awaits_tokens(self) -> bool:
        """Whether users are expected to come with a token of an issuer elsewhere."""
        return _takes_tokens(self.documents) and self.ports.issuer is None

    @property
    def needed_files(self) -> tuple[str, ...]:
        """The files that its ``--deploy-dir`` must have beside ``deploy.yaml``; none: it needs no such directory."""
        return _needed_files(self.documents)

    def refers_to(self, kind: str, name: str) -> bool:
        """Whether the pod refers to that ConfigMap or Secret."""
        return _refers_to(self.documents, kind, name)

    def manifest(self, secrets: InstanceSecrets) -> list[Document]:
        """The complete manifest with these secrets."""
        inputs = ManifestInputs(
            self.environment.name,
            self.instance,
            self.ports,
            self.settings,
            self.dev_users,
            secrets,
            self.images,
        )
        return assemble(self.documents, inputs)


def prepare(
    environment: Environment, instance: Instance, port: int, direct_port: int | None, deploy_dir: Path | None
) -> Prepared:
    """Read an environment's overlay, deployment settings and users.

    :param port: the sign-in port.
    :param direct_port: where JupyterHub is to be published past the proxy in front of it.
    :param deploy_dir: a directory whose deploy.yaml replaces the environment's, with the key files that it needs.
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
        documents = pykustomize.build(environment.overlay(settings))
    except pykustomize.KustomizeError as error:
        raise ConfigError(str(error)) from error
    hub_api = _checked_settings(files[0], settings, documents)
    has_users = _refers_to(documents, "ConfigMap", "dev-user-config")
    dev_users = load_dev_users(environment.dev_users) if has_users else ()
    zenith = _has_container(documents, ZENITH_CONTAINER)
    ports = plan_ports(
        port, direct_port, local_issuer=_has_container(documents, "issuer"), zenith=zenith, hub_api=hub_api
    )
    keys: DeployKeys | None = None
    if deploy_dir is not None or not _needed_files(documents):
        keys = load_deploy_keys(
            deploy_dir or Path(), settings.sshHostname, external_slurm=hub_api is not None, zenith=zenith
        )
    images = {ZENITH_CONTAINER: load_versions(environment.root).zenith_client_image} if zenith else {}
    return Prepared(environment, instance, ports, settings, dev_users, documents, keys, images)


def _checked_settings(file: Path, settings: DeploySettings, documents: list[Document]) -> Endpoint | None:
    """Refuse settings with which the environment cannot work; return where jobs outside the pod reach the hub."""
    problems: list[str] = []
    hub_api = None
    if not _has_container(documents, "slurm"):
        if "sshHostname" not in settings.model_fields_set:
            problems.append("sshHostname: needed: the Slurm host that the hub connects to")
        try:
            if "hubConnectUrl" not in settings.model_fields_set:
                raise ValueError("needed: where Slurm's jobs reach the hub, such as http://192.0.2.10:8081")
            host, hub_port = hub_api_endpoint(settings.hubConnectUrl)
            hub_api = Endpoint(address_of(host), hub_port)
        except ValueError as error:
            problems.append(f"hubConnectUrl: {error}")
    if _takes_tokens(documents) and not settings.oidcServer and not _has_container(documents, "issuer"):
        problems.append("oidcServer: needed: the URL of the OpenID provider whose tokens count")
    if problems:
        raise ConfigError("\n".join(f"{file}: {problem}" for problem in problems))
    return hub_api


def _takes_tokens(documents: list[Document]) -> bool:
    """Whether users sign in with ID tokens (k8s/components/realauth)."""
    layers = [document.get("data", {}) for document in documents if document["kind"] == "ConfigMap"]
    return any("20-realauth.py" in data for data in layers)


def _needed_files(documents: list[Document]) -> tuple[str, ...]:
    external = EXTERNAL_SLURM_FILES if not _has_container(documents, "slurm") else ()
    return (*external, *(ZENITH_FILES if _has_container(documents, ZENITH_CONTAINER) else ()))


def _has_container(documents: list[Document], name: str) -> bool:
    return any(container["name"] == name for container in the_pod(documents)["spec"]["containers"])


def _refers_to(documents: list[Document], kind: str, name: str) -> bool:
    return any((k, holder[key]) == (kind, name) for k, holder, key in references(the_pod(documents)))


def _built_images(documents: list[Document]) -> dict[str, str]:
    """Image name → tag, of the images that the project builds."""
    images = [container["image"] for container in the_pod(documents)["spec"]["containers"]]
    own = [image.removeprefix("localhost/brics_") for image in images if image.startswith("localhost/brics_")]
    return dict(image.split(":") for image in own)
