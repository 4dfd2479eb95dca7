"""Deployment settings: ``deploy.yaml`` and its local overrides, or ``deploy-configmap.yaml``.

May import: errors, config.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

import yaml
from pydantic import Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from brics_envs.config.cluster_settings import ClusterSettings
from brics_envs.config.config_map import read_config_map
from brics_envs.config.dev_users import DevUsersError
from brics_envs.config.job_settings import PRODUCTION, setting
from brics_envs.config.setting_types import (
    MAX_ANNOUNCEMENT_LENGTH,
    MIN_PASSWORD_LENGTH,
    AbsolutePath,
    Accounts,
    BaseUrl,
    ForwardedUrl,
    HostAliases,
    HostName,
    Hours,
    HubUrl,
    IdleHours,
    IssuerUrl,
    Kind,
    LogLevel,
    Password,
    PathInJob,
    RedirectUrl,
    Seconds,
    Switch,
    Users,
)
from brics_envs.config.yaml_file import YamlMapping, load_mapping
from brics_envs.errors import ConfigError

CONFIG_MAP = "deploy-config"
"""The ConfigMap's name, in a ``deploy-configmap.yaml`` as in the manifest."""


class DeploySettings(ClusterSettings):
    """What a deployment may set: the one description of every key, from which its reference is made.

    The names are those of deploy.yaml's keys. What is no secret reaches the containers as a key of the ConfigMap
    ``deploy-config``. A unit is in ``json_schema_extra``.
    """

    logLevel: LogLevel = Field("INFO", description="how much JupyterHub logs")
    baseUrl: BaseUrl = Field("/jupyter", description="path of JupyterHub's pages")
    devUsers: Accounts | None = Field(
        None,
        description="users of a development environment, separated by spaces, instead of the file dev_users",
    )
    dummyAuthPassword: Annotated[Password, Field(min_length=MIN_PASSWORD_LENGTH)] | None = Field(
        None,
        description="password of all users, with a form or the local issuer; generated if not set; may be shorter in "
        "deploy-configmap.yaml",
        json_schema_extra={"unit": "characters"},
    )
    sshHostname: HostName = Field("127.0.0.1", description="Slurm host that the hub connects to")
    slurmSpawnerWrappersBin: AbsolutePath = Field(
        "/opt/slurmspawner_wrappers/bin", description="directory of the wrapper scripts on the Slurm host"
    )
    jupyterEnvDir: AbsolutePath = Field(
        "/opt/jupyter",
        description="Python environment with JupyterLab on the Slurm host, unless condaPrefixDir is set",
    )
    condaPrefixDir: AbsolutePath | None = Field(
        None,
        description="conda installation on the Slurm host: jobs activate its environment jupyter-user-env",
    )
    jupyterDataDir: PathInJob | None = Field(
        None, description="directory with shared kernels, put in front of JUPYTER_PATH in jobs"
    )
    hubConnectUrl: HubUrl = Field(
        "http://127.0.0.1:8081",
        description="where jobs reach the hub's API; with external Slurm http://ADDRESS:PORT of this machine",
    )
    slurmHostAliases: HostAliases = Field(
        default_factory=dict, description="addresses of Slurm hosts that DNS does not know"
    )
    oidcServer: IssuerUrl | None = Field(
        None, description="OpenID provider whose tokens are accepted; if not set, dev_realauth runs its own"
    )
    bricsPlatform: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$"), Kind("string")] = Field(
        "brics.dev", description="resource that a project in the token needs in order to be offered"
    )
    jwtAudience: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~:/-]+$"), Kind("string")] = Field(
        "brics-jupyterhub", description="required audience of tokens"
    )
    sessionHours: Hours = Field(
        12,
        description="how long a sign-in lasts; no credential derived from it lives longer",
        json_schema_extra={"unit": "hours"},
    )
    startSignInHours: Hours | None = Field(
        None,
        description="how recent a sign-in must be to start a server; if not set, as sessionHours",
        json_schema_extra={"unit": "hours"},
    )
    logoutRedirectUrl: RedirectUrl | None = Field(
        None,
        description="where a browser is sent after signing out; if not set and users come through Zenith, its sign-out",
    )
    invalidTokenLogout: Switch | None = Field(
        None,
        description="whether an invalid token redirects to logoutRedirectUrl; if not set, true with Zenith, else false",
    )

    publicUrl: ForwardedUrl | None = setting(
        None,
        "dev_realauth with its own issuer: where browsers find the sign-in port, if it is forwarded to another; that "
        "one + 90 then leads to the issuer's port",
    )
    jwtLeewaySeconds: Annotated[Seconds, Field(ge=0, le=300)] = setting(
        5, "allowed difference between the issuer's clock and the hub's", "seconds"
    )
    jwksMaxAgeSeconds: Annotated[Seconds, Field(ge=1, le=86400)] = setting(
        60, "how long the issuer's keys are cached; removed keys stay trusted for up to that long", "seconds"
    )
    adminUsers: Users = setting(
        (), "users who can see and stop everybody's servers, but not open them; separated by spaces"
    )
    idleServerHours: IdleHours = setting(
        0, "how long a server may be idle before it is stopped; 0: never stopped", "hours", production=8
    )
    announcement: Annotated[str, Field(max_length=MAX_ANNOUNCEMENT_LENGTH), Kind("text")] = setting(
        "",
        "plain text shown on the hub's pages and the local issuer's; takes effect on the next `up`, without a restart",
        "characters",
    )

    @model_validator(mode="after")
    def _consistent(self) -> DeploySettings:
        if problems := "\n".join(self.problems()):
            raise ValueError(problems)
        return self

    def problems(self) -> Iterator[str]:
        """What is wrong with several settings together: ``KEY: MESSAGE``, with a key that is set."""
        yield from super().problems()
        if self.startSignInHours is not None and self.startSignInHours > self.sessionHours:
            yield "startSignInHours: must not be more than sessionHours"
        if self.logoutRedirectUrl and urlsplit(self.logoutRedirectUrl).path.startswith(
            f"{self.baseUrl.rstrip('/')}/hub/"
        ):
            yield "logoutRedirectUrl: must not be the hub's own: signing out would never end"

    def public(self) -> dict[str, str]:
        """The settings that are set and no secrets, as strings: the contents of ``deploy-config``."""
        excluded = {"adminUsers", "announcement", "devUsers", "dummyAuthPassword", "slurmHostAliases"}
        values = self.model_dump(exclude=excluded, exclude_none=True)
        if self.adminUsers:
            values["adminUsers"] = " ".join(self.adminUsers)
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}

    @property
    def has_short_password(self) -> bool:
        """Whether the password is shorter than a deploy.yaml's may be."""
        password = self.dummyAuthPassword
        return password is not None and len(password.get_secret_value()) < MIN_PASSWORD_LENGTH

    def for_production(self) -> DeploySettings:
        """The same where people depend on the hub: some settings have another default there."""
        defaults = {
            key: field.json_schema_extra[PRODUCTION]
            for key, field in type(self).model_fields.items()
            if isinstance(field.json_schema_extra, dict) and PRODUCTION in field.json_schema_extra
        }
        unset = defaults.keys() - self.model_fields_set
        return self.model_copy(update={key: defaults[key] for key in unset})

    def for_slurm_in_pod(self) -> DeploySettings:
        """The same where Slurm runs in the pod, whose image has its own places for what existing deployments name.

        Its simulated GPUs are fewer than the users who fit: the form proposes none.
        """
        theirs = [key for key, place in PLACES_OF_OTHER_IMAGE.items() if getattr(self, key) == place]
        fields = type(self).model_fields
        values = {key: fields[key].default for key in theirs}
        if "defaultGpus" not in self.model_fields_set:
            values["defaultGpus"] = self.minGpus
        return self.model_copy(update=values)


PLACES_OF_OTHER_IMAGE = {
    "slurmSpawnerWrappersBin": "/opt/jupyter/slurmspawner_wrappers/bin",
    "condaPrefixDir": "/opt/jupyter/miniforge3",
    "jupyterDataDir": "/opt/jupyter/jupyter_data",
}
"""Where the Slurm image of existing deployments has what is elsewhere, or not needed, in ours."""


class ExistingDeploySettings(DeploySettings):
    """The settings of a deployment that was there before this project: its password may be as short as it is."""

    dummyAuthPassword: Password | None = None


def load_deploy_settings(*paths: Path) -> DeploySettings:
    """Read settings from files, later ones overriding earlier ones key by key; missing files are left out.

    :raises ConfigError: every unknown key and every bad value, with file, line, key and what is allowed.
    """
    return _settings(DeploySettings, [load_mapping(path) for path in paths if path.exists()])


def load_config_map_settings(path: Path) -> DeploySettings:
    """Read settings from the manifest of a ConfigMap ``deploy-config``, whose values are all strings.

    :raises ConfigError: as :func:`load_deploy_settings`; also whatever makes it no such manifest.
    """
    data, problems = read_config_map(path, CONFIG_MAP)
    values = dict(data.values)
    for key in data.values.keys() & DeploySettings.model_fields.keys():
        value = values.pop(key)
        if isinstance(value, str):
            values[key] = value if kind_of(DeploySettings.model_fields[key]).is_text else _from_yaml(value)
        else:
            problems.append(f"{data.where(key)}: {key}: must be a string: put it in quotes")
    return _settings(ExistingDeploySettings, [replace(data, values=values)], problems)


def kind_of(setting: FieldInfo) -> Kind:
    """What a setting's type is called; it may stand inside of ``… | None``."""
    inside = [part for one in get_args(setting.annotation) for part in getattr(one, "__metadata__", ())]
    return next(part for part in (*setting.metadata, *inside) if isinstance(part, Kind))


def _from_yaml(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text  # which the model refuses


def _settings(
    model: type[DeploySettings], files: Sequence[YamlMapping], problems: Sequence[str] = ()
) -> DeploySettings:
    """The settings of files, later ones overriding earlier ones.

    :param problems: what was found already.
    """
    values: dict[str, object] = {}
    for file in files:
        values |= file.values
    found = [*problems]
    try:
        settings = model.model_validate(values)
    except ValidationError as error:
        found += [line for one in error.errors() for line in _problems(files, one)]
    if found:
        raise ConfigError("\n".join(found))
    return settings


def _problems(files: Sequence[YamlMapping], error: Mapping[str, Any]) -> list[str]:
    message = error["msg"].removeprefix("Value error, ")
    if error["loc"]:
        return _problems_of(files, str(error["loc"][0]), message, error)
    # About several keys: each line begins with one of them.
    lines = [line.partition(": ") for line in message.splitlines()]
    return [line for key, _, words in lines for line in _problems_of(files, key, words, error)]


def _problems_of(files: Sequence[YamlMapping], key: str, message: str, error: Mapping[str, Any]) -> list[str]:
    # The last file that has the key is the one whose value counted.
    file = next(file for file in reversed(files) if key in file.lines)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, DevUsersError) and cause.problems:
        return [f"{file.where(key, one.entry)}: {key}: {one}" for one in cause.problems]
    if error["type"] == "extra_forbidden":
        message = f"unknown key; allowed are {', '.join(DeploySettings.model_fields)}"
    elif key == "dummyAuthPassword":
        # Neither the value nor pydantic's rendering of it.
        message = f"must be a string of at least {MIN_PASSWORD_LENGTH} characters, all printable"
    else:
        message += f", not {file.values[key]!r}"
    return [f"{file.where(key)}: {key}: {message}"]
