"""Deployment settings: ``config/ENV/deploy.yaml`` and its local overrides. May import: errors, config."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from brics_envs.config.yaml_file import YamlMapping, load_mapping
from brics_envs.errors import ConfigError

MIN_PASSWORD_LENGTH = 12
"""Shortest dummyAuthPassword, characters."""

SIGN_IN_PROXY_PATH = "/oidc/"
"""Where the proxy in front of JupyterHub answers by itself (k8s/components/localissuer/httpd.conf)."""


def _http_url(value: str) -> str:
    message = "must be an http:// or https:// URL with a host and no query"
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError(message) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(message)
    return value


def _without_slash(value: str) -> str:
    return value.rstrip("/")


def _base_url(value: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*/?", value) or {".", ".."} & set(value.split("/")):
        raise ValueError("must be a URL path such as /jupyter")
    path = "/" + value.strip("/")
    if f"{path}/".startswith(SIGN_IN_PROXY_PATH):
        raise ValueError(f"must not be below {SIGN_IN_PROXY_PATH}, which are the sign-in proxy's own paths")
    return path


def _absolute_path(value: str) -> str:
    # These paths end up in sudoers and batch scripts: plain characters only.
    if not re.fullmatch(r"(/[A-Za-z0-9._+-]+)+", value) or ".." in value.split("/"):
        raise ValueError("must be an absolute path of letters, digits and ._+-")
    return value


def _data_dir(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._+/{}$-]+", value):
        raise ValueError("must be a path of letters, digits, ._+-/ and shell variables such as $HOME")
    return value


def _host_name(value: str) -> str:
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(value))
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", value):
        raise ValueError("must be a host name or an address, without a port")
    return value


def _password(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().isprintable() or not value.get_secret_value().strip():
        raise ValueError("must have printable characters")
    return value


def _aliases(value: dict[str, str]) -> dict[str, str]:
    for name, address in value.items():
        _host_name(name)
        ipaddress.ip_address(address)
    return value


class DeploySettings(BaseModel):
    """What a deployment may set. The names are those of deploy.yaml's keys.

    Every value but the secret one reaches the containers as a key of the ConfigMap ``deploy-config``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    logLevel: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    baseUrl: Annotated[str, AfterValidator(_base_url)] = "/jupyter"
    dummyAuthPassword: (
        Annotated[SecretStr, Field(min_length=MIN_PASSWORD_LENGTH), AfterValidator(_password)] | None
    ) = None
    sshHostname: Annotated[str, AfterValidator(_host_name)] = "127.0.0.1"
    slurmSpawnerWrappersBin: Annotated[str, AfterValidator(_absolute_path)] = "/opt/slurmspawner_wrappers/bin"
    jupyterEnvDir: Annotated[str, AfterValidator(_absolute_path)] = "/opt/jupyter"
    jupyterDataDir: Annotated[str, AfterValidator(_data_dir)] | None = None
    hubConnectUrl: Annotated[str, AfterValidator(_http_url), AfterValidator(_without_slash)] = (
        "http://127.0.0.1:8081"
    )
    slurmHostAliases: Annotated[dict[str, str], AfterValidator(_aliases)] = Field(default_factory=dict)
    # As it is: an issuer's name may end in a slash, and tokens have the very same.
    oidcServer: Annotated[str, AfterValidator(_http_url)] | None = None
    bricsPlatform: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")] = "brics.dev"
    jwtAudience: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~:/-]+$")] = "brics-jupyterhub"

    def public(self) -> dict[str, str]:
        """The settings that are set and no secrets, as strings: the contents of ``deploy-config``."""
        values = self.model_dump(exclude={"dummyAuthPassword", "slurmHostAliases"}, exclude_none=True)
        return {key: str(value) for key, value in values.items()}


def load_deploy_settings(*paths: Path) -> DeploySettings:
    """Read settings from files, later ones overriding earlier ones key by key; missing files are left out.

    :raises ConfigError: every unknown key and every bad value, with file, line, key and what is allowed.
    """
    files = [load_mapping(path) for path in paths if path.exists()]
    values: dict[str, object] = {}
    for file in files:
        values |= file.values
    try:
        return DeploySettings.model_validate(values)
    except ValidationError as error:
        problems = [
            _problem(files, str(e["loc"][0]) if e["loc"] else "", e["type"], e["msg"]) for e in error.errors()
        ]
        raise ConfigError("\n".join(problems)) from None


def _problem(files: list[YamlMapping], key: str, kind: str, message: str) -> str:
    # The last file that has the key is the one whose value counted.
    file = next(file for file in reversed(files) if key in file.lines)
    if kind == "extra_forbidden":
        return f"{file.where(key)}: {key}: unknown key; allowed are {', '.join(DeploySettings.model_fields)}"
    if key == "dummyAuthPassword":
        # Neither the value nor pydantic's rendering of it.
        return f"{file.where(key)}: {key}: must be a string of at least {MIN_PASSWORD_LENGTH} characters, all printable"
    return f"{file.where(key)}: {key}: {message.removeprefix('Value error, ')}, not {file.values[key]!r}"
