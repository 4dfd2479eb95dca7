"""The types of deployment settings: what values they take, and what they are called. May import: config."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Literal, get_args
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from brics_envs.config.addresses import is_loopback, parsed_address
from brics_envs.config.dev_users import BLANKS, NAME, DevUser, parse_words

MIN_PASSWORD_LENGTH = 12
"""Shortest dummyAuthPassword of a deploy.yaml, characters."""

MAX_ANNOUNCEMENT_LENGTH = 2000
"""Longest announcement, characters: every page begins with it."""

MAX_USER_LENGTH = 64
"""Longest name of a user, characters: the claim ``short_name`` of a token."""

MIN_IDLE_HOURS = 0.005
"""Shortest time after which a server that nobody uses can be stopped."""

MAX_SESSION_HOURS = 14 * 24
"""Longest time for which a sign-in can be made to count: JupyterHub's own default."""

MAX_SCRIPT_LENGTH = 10_000
"""Longest piece of a job's script, characters."""

HTTP_PORT = 80
"""That of http:// URLs that name none."""

SIGN_IN_PROXY_PATH = "/oidc/"
"""Where the proxy in front of JupyterHub answers by itself (k8s/components/localissuer/httpd.conf)."""

VARIABLE = r"(\$[A-Za-z_][A-Za-z0-9_]*|\$\{[A-Za-z_][A-Za-z0-9_]*\})"
"""A shell variable, as a job's script has it."""

LOG_LEVELS = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


@dataclass(frozen=True)
class Kind:
    """What a type is called in the reference of settings; stands beside the validators in its annotation.

    A ConfigMap has strings alone: ``is_text`` says whether one is the value itself, or else YAML for it.
    """

    name: str
    is_text: bool = True


def _split_url(value: str) -> SplitResult:
    """The parts of an http or https URL.

    :raises ValueError: it is none, or one of which programs make different things (RFC 3986; one's user name is
        another's host).
    """
    parts = urlsplit(value)
    host = re.fullmatch(r"(\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+))(:[0-9]*)?", parts.netloc)
    if not _plain(value) or parts.scheme not in ("http", "https") or host is None or parts.port == 0:
        raise ValueError("not an http:// or https:// URL")
    if host["ipv6"]:
        ipaddress.IPv6Address(host["ipv6"])
    elif parsed_address(host["name"]) is None:
        host_name(host["name"])
    return parts


def _plain(value: str) -> bool:
    return value.isascii() and value.isprintable() and not set(value) & set(" \\\"'<>^`{|}")


def _http_url(value: str) -> str:
    message = "must be an http:// or https:// URL with a host and no query"
    try:
        _split_url(value)
    except ValueError:
        raise ValueError(f"{message}, of ASCII without spaces, backslashes and user names") from None
    if "?" in value or "#" in value:
        raise ValueError(message)
    return value


def _issuer(value: str) -> str:
    # Whoever is on an http:// way could hand out keys of their own, and sign in as anybody.
    parts = urlsplit(value)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("must begin with https://, unless the issuer is on loopback")
    return value


def _redirect_url(value: str) -> str:
    path = _plain(value) and value.startswith("/") and not value.startswith("//")
    try:
        _ = path or _split_url(value)
    except ValueError:
        raise ValueError(
            "must be a path such as /sign-out or an http:// or https:// URL, with special characters percent-encoded"
        ) from None
    return value


def _forwarded_url(value: str) -> str:
    # What travels in the clear stays on the browser's machine; and in the pod the issuer's name must lead to the pod.
    parts = urlsplit(_http_url(value))
    host = str(parsed_address(parts.hostname or "") or parts.hostname)
    if parts.scheme != "http" or parts.path not in ("", "/") or ":" in host or not is_loopback(host):
        raise ValueError(
            "must be http://localhost:PORT or http://127.0.0.1:PORT, where a forwarded port ends"
        )
    return f"http://{host}" + (f":{parts.port}" if parts.port not in (None, HTTP_PORT) else "")


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
    if not re.fullmatch(r"(/[A-Za-z0-9._+-]+)+/?", value) or ".." in value.split("/"):
        raise ValueError("must be an absolute path of letters, digits and ._+-")
    return value.removesuffix("/")


def _path_in_job(value: str) -> str:
    if not re.fullmatch(rf"(/|{VARIABLE}/)({VARIABLE}|[A-Za-z0-9._+/-])+", value) or ".." in value.split("/"):
        raise ValueError(
            "must be an absolute path of letters, digits and ._+-, or begin with a variable such as $HOME"
        )
    return value.removesuffix("/")


def host_name(value: str) -> str:
    """A host's name (RFC 1123), or its address in the usual form.

    :raises ValueError: it is neither.
    """
    with contextlib.suppress(ValueError):
        return _address(value)
    label = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    # What ends in a number is an address to resolvers, if anything: 300.1.1.1 is no name.
    last = rf"(?![0-9]+$)(?!0[xX]){label}"
    if len(value) > 253 or not re.fullmatch(rf"({label}\.)*{last}", value):
        raise ValueError("must be a host name or an address, without a port")
    return value


def _address(value: str) -> str:
    # ipaddress takes anything at all for a zone, as in fe80::1%eth0.
    if "%" in value:
        raise ValueError("must be an address without a zone")
    return str(ipaddress.ip_address(value))


def _password(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().isprintable() or not value.get_secret_value().strip():
        raise ValueError("must have printable characters")
    return value


def _aliases(value: dict[str, str]) -> dict[str, str]:
    for name, address in value.items():
        host_name(name)
        _address(address)
    return value


def _notebook_path(value: str) -> str:
    part = rf"({VARIABLE}|\{{project\}}|\{{username\}}|[A-Za-z0-9._+/-])*"
    if not re.fullmatch(rf"(/|(~|{VARIABLE})(?=/|$)){part}", value) or ".." in value.split("/"):
        raise ValueError(
            "must be a path of letters, digits and ._+-, or begin with ~ or a variable such as $SCRATCH; {project} and "
            "{username} are the account's"
        )
    return value


def runtime_seconds(value: str) -> int:
    """The length of a time ``HH:MM:SS``, in seconds."""
    hours, minutes, seconds = (int(part) for part in value.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _runtime(value: object) -> object:
    # YAML takes 24:00:00 without quotes for a number to the base of 60.
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return f"{value // 3600:02}:{value // 60 % 60:02}:{value % 60:02}"
    return value


def _positive_runtime(value: str) -> str:
    if not re.fullmatch(r"[0-9]{2}:[0-5][0-9]:[0-5][0-9]", value) or not runtime_seconds(value):
        raise ValueError("must be a time HH:MM:SS, more than 00:00:00 and at most 99:59:59")
    return value


def _slurm_name(value: str) -> str:
    if not re.fullmatch(r"(?!-)[A-Za-z0-9_.-]{1,64}", value):
        raise ValueError("must be a name of letters, digits, _, . and -, and must not begin with -")
    return value


def _slurm_names(value: str) -> str:
    names = [_slurm_name(name) for name in value.split(" ") if name]
    if not names or len(set(names)) < len(names):
        raise ValueError("must be different names, separated by spaces")
    return " ".join(names)


def _directives(value: str) -> str:
    if not re.fullmatch(r"-[!-~]+( +[!-~]+)*", value):
        raise ValueError("must be options such as --exclusive, on one line")
    return value


def _shell_text(value: str) -> str:
    if not all(line.isprintable() for line in value.replace("\t", " ").split("\n")):
        raise ValueError("must be lines of printable characters")
    return value


def _accounts(value: object) -> tuple[DevUser, ...]:
    if not isinstance(value, str):
        raise ValueError("must be a string: <USER>.<PROJECT>, separated by spaces")
    return parse_words(value)


def _users(value: object) -> tuple[str, ...]:
    if not isinstance(value, str):
        raise ValueError("must be a string: <USER>, separated by spaces")
    users = [word for word in re.split(f"[{BLANKS}]+", value) if word]
    for user in users:
        if not NAME.fullmatch(user) or len(user) > MAX_USER_LENGTH:
            raise ValueError(
                f"{user!r}: a user's name, without a project, has a-z, 0-9, _ and -, and begins with a letter or _"
            )
    return tuple(dict.fromkeys(users))


def _idle_hours(value: float) -> float:
    # A server that is used says so a few times in that time.
    if 0 < value < MIN_IDLE_HOURS:
        raise ValueError(f"must be 0 or at least {MIN_IDLE_HOURS}")
    return value


AbsolutePath = Annotated[str, AfterValidator(_absolute_path), Kind("absolute path")]
Accounts = Annotated[tuple[DevUser, ...], BeforeValidator(_accounts), Kind("words <USER>.<PROJECT>")]
BaseUrl = Annotated[str, AfterValidator(_base_url), Kind("URL path")]
Count = Annotated[int, Field(strict=True), Kind("whole number", is_text=False)]
Directives = Annotated[str, AfterValidator(_directives), Kind("options of sbatch")]
Gpus = Annotated[
    str,
    Field(pattern=r"^(gpu(:[a-z][a-z0-9_]{0,30})?:([1-9]|1[0-6]))?$"),
    Kind("generic resource, such as gpu:gh200:4"),
]
HostAliases = Annotated[dict[str, str], AfterValidator(_aliases), Kind("host name: address", is_text=False)]
HostName = Annotated[str, AfterValidator(host_name), Kind("host name or address")]
Hours = Annotated[float, Field(ge=0.001, le=MAX_SESSION_HOURS, strict=True), Kind("number", is_text=False)]
ForwardedUrl = Annotated[str, AfterValidator(_forwarded_url), Kind("http://localhost:PORT")]
HubUrl = Annotated[str, AfterValidator(_http_url), AfterValidator(_without_slash), Kind("URL")]
LogLevel = Annotated[LOG_LEVELS, Kind(", ".join(get_args(LOG_LEVELS)))]
# As it is: an issuer's name may end in a slash, and tokens have the very same.
IdleHours = Annotated[
    float,
    Field(ge=0, le=MAX_SESSION_HOURS, strict=True),
    AfterValidator(_idle_hours),
    Kind("number", is_text=False),
]
IssuerUrl = Annotated[str, AfterValidator(_http_url), AfterValidator(_issuer), Kind("URL")]
NotebookPath = Annotated[
    str, AfterValidator(_notebook_path), Kind("path, with variables such as $HOME, {project}, {username}")
]
Password = Annotated[SecretStr, AfterValidator(_password), Kind("string")]
PathInJob = Annotated[str, AfterValidator(_path_in_job), Kind("path, with variables such as $HOME")]
RedirectUrl = Annotated[str, AfterValidator(_redirect_url), Kind("URL or path")]
Runtime = Annotated[str, BeforeValidator(_runtime), AfterValidator(_positive_runtime), Kind("HH:MM:SS")]
Seconds = Annotated[int, Field(strict=True), Kind("whole number", is_text=False)]
ShellText = Annotated[
    str, Field(max_length=MAX_SCRIPT_LENGTH), AfterValidator(_shell_text), Kind("lines of a shell script")
]
SlurmName = Annotated[str, AfterValidator(_slurm_name), Kind("name")]
SlurmNames = Annotated[str, AfterValidator(_slurm_names), Kind("names separated by spaces")]
Users = Annotated[tuple[str, ...], BeforeValidator(_users), Kind("words <USER>")]
Switch = Annotated[bool, Field(strict=True), Kind("true or false", is_text=False)]
