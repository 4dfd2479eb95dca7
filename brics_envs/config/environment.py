"""The environments: a kustomize overlay and a configuration directory each. May import: errors, config."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from brics_envs.config.deploy import DeploySettings
from brics_envs.config.yaml_file import read_text
from brics_envs.errors import ConfigError

LOCAL_LAYER = "99-local.py"
"""The user's own layer of the hub's configuration, in the hub's container: the last one."""

SLURM_FILES = ("partitions.conf", "site.conf", "job_submit.lua", "reservations", "sacctmgr")
"""What a developer may have in ``config/ENV/slurm``: partitions and limits, further lines of slurm.conf, the script of
its ``JobSubmitPlugins=lua``, the reservations that there are, and commands for its accounting."""


@dataclass(frozen=True)
class Environment:
    """An environment by name, as it is in the project's directory."""

    name: str
    root: Path

    def overlay(self, settings: DeploySettings) -> Path:
        """Its kustomization directory; another one if it has a local issuer that the settings replace."""
        overlay = self.root / "k8s" / "overlays" / self.name
        external = overlay.with_name(f"{self.name}_external_issuer")
        return external if settings.oidcServer and external.is_dir() else overlay

    @property
    def dev_users(self) -> Path:
        """The file that says which users exist in it; several environments may share one by a symbolic link."""
        file = self.root / "config" / self.name / "dev_users"
        # Messages name the file itself, not the link.
        return Path(os.path.normpath(file.parent / file.readlink())) if file.is_symlink() else file

    @property
    def deploy_files(self) -> tuple[Path, Path]:
        """Its deployment settings: the tracked file, then the user's own, which overrides it."""
        directory = self.root / "config" / self.name
        return directory / "deploy.yaml", directory / "deploy.local.yaml"

    @property
    def local_layer(self) -> Path:
        """The user's own layer of the hub's configuration, if they have one."""
        return self.root / "config" / self.name / "jupyterhub_config.local.py"

    def slurm_files(self) -> dict[str, str]:
        """What its own directory has for the Slurm in the pod, name → text, in place of the project's.

        :raises ConfigError: a file that means nothing there, or that cannot be read.
        """
        directory = self.root / "config" / self.name / "slurm"
        found = sorted(directory.iterdir()) if directory.is_dir() else []
        # Hidden ones are editors'.
        files = [file for file in found if not file.name.startswith(".")]
        if unknown := [file for file in files if file.name not in SLURM_FILES]:
            raise ConfigError(
                "\n".join(f"{file}: not a file of Slurm's configuration" for file in unknown),
                hint=f"there can be {', '.join(SLURM_FILES)}",
            )
        return {file.name: read_text(file) for file in files}


def load_layers(environment: Environment, *, debug: bool = False) -> dict[str, str]:
    """Further layers of the hub's configuration by their names in the hub's container: the user's own, if there is one.

    :param debug: with the one that lets a debugger in.
    :raises ConfigError: it cannot be read, or is no Python.
    """
    layers = {}
    if debug:
        debugger = environment.root / "k8s/debugger/00-debugger.py"
        layers[debugger.name] = debugger.read_text(encoding="utf-8")
    file = environment.local_layer
    try:
        text = file.read_text(encoding="utf-8")
        compile(text, str(file), "exec")
    except FileNotFoundError:
        return layers
    except SyntaxError as error:
        raise ConfigError(f"{file}:{error.lineno}: {error.msg}") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from None
    return layers | {LOCAL_LAYER: text}


def environment_names(root: Path) -> list[str]:
    """The names of all environments, sorted: overlays that have a configuration directory."""
    overlays = (path.name for path in (root / "k8s" / "overlays").iterdir() if path.is_dir())
    return sorted(name for name in overlays if (root / "config" / name).is_dir())


def load_environment(root: Path, name: str) -> Environment:
    """The environment of that name.

    :raises ConfigError: no name given, or there is none of that name; lists those that there are.
    """
    names = environment_names(root)
    if name not in names:
        given = f"{name!r} is not an environment" if name else "an environment is needed"
        raise ConfigError(f"--env: {given}", hint=f"choose one of {', '.join(names)}")
    return Environment(name, root)
