"""Deployment settings: ``config/ENV/deploy.yaml`` and its local overrides. May import: errors, config."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from brics_envs.config.addresses import is_loopback
from brics_envs.config.yaml_file import YamlMapping, load_mapping
from brics_envs.errors import ConfigError

MIN_PASSWORD_LENGTH = 12
"""Shortest dummyAuthPassword, characters."""

MAX_SESSION_HOURS = 14 * 24
"""Longest time for which a sign-in can be made to count: JupyterHub's own default."""

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
    # Programs differ in what they make of these: one's user name is another's host.
    if not _plain(value) or "@" in parts.netloc:
        raise ValueError(f"{message}, of ASCII without blanks, backslashes and user names")
    return value


def _plain(value: str) -> bool:
    return value.isascii() and value.isprintable() and not set(value) & set(" \\\"'<>^`{|}")


def _issuer(value: str) -> str:
    # Whoever is on an http:// way could hand out keys of his own, and sign in as anybody.
    parts = urlsplit(value)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("must begin with https://, unless the issuer is on loopback")
    return value


def _redirect_url(value: str) -> str:
    path = value.startswith("/") and not value.startswith("//")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        parts, path = urlsplit(""), False
    elsewhere = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    if not _plain(value) or not (path or elsewhere):
        raise ValueError(
            "must be a path such as /sign-out or an http:// or https:// URL, with what is special quoted"
        )
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
    oidcServer: Annotated[str, AfterValidator(_http_url), AfterValidator(_issuer)] | None = None
    bricsPlatform: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")] = "brics.dev"
    jwtAudience: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~:/-]+$")] = "brics-jupyterhub"
    # Hours, of more than a second: so long a sign-in counts, and no credential that comes of it lasts longer.
    sessionHours: Annotated[float, Field(ge=0.001, le=MAX_SESSION_HOURS, strict=True)] = 12
    # Hours after a sign-in in which servers can be started; as long as the session unless set.
    startSignInHours: Annotated[float, Field(ge=0.001, le=MAX_SESSION_HOURS, strict=True)] | None = None
    # Where a browser goes after signing out, and whether an invalid token leads there too.
    logoutRedirectUrl: Annotated[str, AfterValidator(_redirect_url)] | None = None
    invalidTokenLogout: Annotated[bool, Field(strict=True)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> DeploySettings:
        if self.startSignInHours is not None and self.startSignInHours > self.sessionHours:
            raise ValueError("startSignInHours: must not be more than sessionHours")
        if self.logoutRedirectUrl and urlsplit(self.logoutRedirectUrl).path.startswith(
            f"{self.baseUrl.rstrip('/')}/hub/"
        ):
            raise ValueError("logoutRedirectUrl: must not be the hub's own: signing out would never end")
        return self

    def public(self) -> dict[str, str]:
        """The settings that are set and no secrets, as strings: the contents of ``deploy-config``."""
        values = self.model_dump(exclude={"dummyAuthPassword", "slurmHostAliases"}, exclude_none=True)
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


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
    message = message.removeprefix("Value error, ")
    if not key:
        # About several keys; the message begins with one of them.
        key, _, message = message.partition(": ")
    # The last file that has the key is the one whose value counted.
    file = next(file for file in reversed(files) if key in file.lines)
    if kind == "extra_forbidden":
        return f"{file.where(key)}: {key}: unknown key; allowed are {', '.join(DeploySettings.model_fields)}"
    if key == "dummyAuthPassword":
        # Neither the value nor pydantic's rendering of it.
        return f"{file.where(key)}: {key}: must be a string of at least {MIN_PASSWORD_LENGTH} characters, all printable"
    return f"{file.where(key)}: {key}: {message}, not {file.values[key]!r}"
