"""Read and check everything that a command's options name, before anything is created.

May import: errors, config, plan, effects.checkouts, effects.ports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pykustomize
from brics_envs.config.addresses import is_local
from brics_envs.config.deploy import DeploySettings, load_config_map_settings, load_deploy_settings
from brics_envs.config.deploy_dir import (
    CONFIG_MAP,
    SETTINGS,
    load_deploy_files,
    optional_files,
    settings_file,
)
from brics_envs.config.dev_users import load_dev_users
from brics_envs.config.environment import Environment, load_environment, load_layers
from brics_envs.config.options import Base, parse_base, parse_port
from brics_envs.config.repos import RepoChoice, parse_choices
from brics_envs.config.versions import load_versions
from brics_envs.effects.checkouts import read_checkout
from brics_envs.effects.ports import address_of
from brics_envs.errors import ConfigError
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.manifest import refuse_unknown_references
from brics_envs.plan.names import ZENITH_CONTAINER, Instance, parse_instance
from brics_envs.plan.overlay import Overlay
from brics_envs.plan.ports import Endpoint, container_ports, hub_api_endpoint, plan_ports, with_debugger
from brics_envs.plan.secrets import deploy_dir_files
from brics_envs.plan.without_effect import without_effect

PRODUCTION_SESSION_HOURS = 12
"""Whoever signed in in the morning signs in again the next day, with a token that is valid then."""

ACCOUNTING = "../../components/accounting"
"""The component that the setting slurmAccounting puts on top of an overlay."""


@dataclass(frozen=True)
class UpOptions:
    """The options of ``invoke up``, read and checked; ``build`` and ``render`` have some of them."""

    environment: Environment
    instance: Instance
    port: int
    base: Base
    repos: tuple[RepoChoice, ...]
    deploy_dir: Path | None
    direct_port: int | None
    rebuild: bool
    refresh: bool = False
    yes: bool = False
    live: bool = False
    debug: bool = False

    @property
    def of_manifest(self) -> dict[str, str]:
        """Those that decide what the manifest says, as the command line gives them, by name."""
        return {
            "port": str(self.port),
            "deploy_dir": str(self.deploy_dir.resolve()) if self.deploy_dir else "",
            "direct_port": str(self.direct_port) if self.direct_port else "",
            "debug": "yes" if self.debug else "",
        }


def read_options(
    root: Path,
    *,
    env: str,
    instance: str,
    port: str,
    base: str,
    repo: Sequence[str] | None,
    deploy_dir: str,
    direct_port: str,
    rebuild: bool,
    refresh: bool,
    yes: bool,
    live: bool,
    debug: bool,
) -> UpOptions:
    """The options as the command line gives them, read and checked.

    :param root: the project's checkout.
    :raises ConfigError: a value that is not allowed.
    """
    return UpOptions(
        environment=load_environment(root, env),
        instance=parse_instance(instance),
        port=parse_port("--port", port),
        base=parse_base(base),
        repos=parse_choices(repo or (), Path.cwd()),
        deploy_dir=Path(deploy_dir) if deploy_dir else None,
        direct_port=parse_port("--direct-port", direct_port) if direct_port else None,
        rebuild=rebuild,
        refresh=refresh,
        yes=yes,
        live=live,
        debug=debug,
    )


def prepare(options: UpOptions) -> DesiredState:
    """Read an environment's overlay, deployment settings, users and key files.

    :raises ConfigError: every problem of the first file that has any, or an option that the environment does not have.
    """
    environment, deploy_dir = options.environment, options.deploy_dir
    file, settings = _read_settings(environment, deploy_dir)
    overlay = _merged(environment.overlay(settings))
    if settings.slurmAccounting and overlay.has_slurm:
        overlay = _merged(environment.overlay(settings), ACCOUNTING)
    ignored = without_effect(settings, overlay)
    if overlay.has_slurm:
        settings = settings.for_slurm_in_pod()
    if overlay.stage == "prod":
        settings = settings.for_production()
    hub_api = _checked_settings(file, settings, overlay)
    has_users = overlay.refers_to("ConfigMap", "dev-user-config")
    needed = deploy_dir_files(overlay)
    files = (*needed, *optional_files(deploy_dir)) if deploy_dir else needed
    ports = plan_ports(
        options.port,
        options.direct_port,
        local_issuer=overlay.has_issuer,
        public_url=settings.publicUrl or "",
        tunnel=overlay.tunnel,
        hub_api=hub_api,
        inside=container_ports(overlay.pod),
    )
    return DesiredState(
        environment=environment,
        checkout=read_checkout(environment.root),
        instance=options.instance,
        overlay=overlay,
        settings=settings,
        slurm_files=environment.slurm_files() if overlay.has_slurm else {},
        dev_users=(settings.devUsers or load_dev_users(environment.dev_users)) if has_users else (),
        ports=with_debugger(ports, options.port) if options.debug else ports,
        deploy_files=load_deploy_files(deploy_dir or Path(), files, settings.sshHostname)
        if deploy_dir or not needed
        else None,
        images={ZENITH_CONTAINER: load_versions(environment.root).zenith_client_image}
        if ZENITH_CONTAINER in overlay.containers
        else {},
        layers=load_layers(environment, debug=options.debug),
        without_effect=ignored,
    )


def refuse_missing_deploy_dir(desired: DesiredState) -> None:
    """Refuse to go on without a ``--deploy-dir`` where an environment needs one.

    :raises ConfigError: none was given; says what belongs in it.
    """
    if desired.deploy_files is None:
        raise ConfigError(
            f"--deploy-dir: {desired.environment.name} needs one",
            hint=f"a directory with {SETTINGS} or {CONFIG_MAP}, {', '.join(deploy_dir_files(desired.overlay))}",
        )


def _read_settings(environment: Environment, deploy_dir: Path | None) -> tuple[Path, DeploySettings]:
    """The deployment settings, and the file in which those that are missing belong."""
    if deploy_dir is None:
        return environment.deploy_files[0], load_deploy_settings(*environment.deploy_files)
    file = settings_file(deploy_dir)
    load = load_config_map_settings if file.name == CONFIG_MAP else load_deploy_settings
    return file, load(file)


def _merged(directory: Path, *components: str) -> Overlay:
    try:
        overlay = Overlay(pykustomize.build(directory, strict=True, components=components))
    except pykustomize.KustomizeError as error:
        raise ConfigError(str(error)) from error
    refuse_unknown_references(overlay)
    return overlay


def _checked_settings(file: Path, settings: DeploySettings, overlay: Overlay) -> Endpoint | None:
    """Refuse settings with which the environment cannot work; return where jobs outside the pod reach the hub."""
    problems: list[str] = []
    hub_api = None
    if not overlay.has_slurm:
        if "sshHostname" not in settings.model_fields_set:
            problems.append("sshHostname: needed: the Slurm host that the hub connects to")
        try:
            if "hubConnectUrl" not in settings.model_fields_set:
                raise ValueError("needed: where Slurm's jobs reach the hub, such as http://192.0.2.10:8081")
            host, hub_port = hub_api_endpoint(settings.hubConnectUrl)
            hub_api = Endpoint(address_of(host), hub_port)
            if is_local(hub_api.address):
                raise ValueError(
                    f"{host} is on loopback here: jobs would send their tokens to their own node"
                )
        except ValueError as error:
            problems.append(f"hubConnectUrl: {error}")
    if overlay.takes_tokens and not settings.oidcServer and not overlay.has_issuer:
        problems.append("oidcServer: needed: the URL of the OpenID provider whose tokens are accepted")
    if settings.publicUrl and not overlay.has_issuer:
        problems.append("publicUrl: only dev_realauth with its own issuer has it")
    if overlay.stage == "prod" and settings.sessionHours > PRODUCTION_SESSION_HOURS:
        problems.append(f"sessionHours: must not be more than {PRODUCTION_SESSION_HOURS} in production")
    if problems:
        raise ConfigError("\n".join(f"{file}: {problem}" for problem in problems))
    return hub_api
