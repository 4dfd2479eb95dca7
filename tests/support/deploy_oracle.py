"""Whether a file of deployment settings is to be refused: said once more, in other words than the project's own.

Character by character and without its libraries' models, so that a fault of theirs does not repeat itself here.
"""

from __future__ import annotations

import ipaddress
import math
import socket
import string
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from tests.support.address_oracle import ALNUM, is_address, is_host, is_loopback, is_old_address

OPTIONAL = {
    "devUsers",
    "dummyAuthPassword",
    "condaPrefixDir",
    "jupyterDataDir",
    "oidcServer",
    "publicUrl",
    "startSignInHours",
    "logoutRedirectUrl",
    "invalidTokenLogout",
    "partitions",
    "defaultPartition",
    "notebookDir",
    "jobMemory",
    "jobCpus",
    "jobGres",
    "jobAccount",
    "jobQos",
    "jobOptions",
    "jobPrologue",
    "jobEpilogue",
}
WHOLE_NUMBERS = {
    "queueLimitSeconds": (10, 604800),
    "startLimitSeconds": (10, 3600),
    "pollSeconds": (1, 3600),
    "startPollSeconds": (1, 300),
    "minGpus": (0, 1024),
    "maxGpus": (0, 1024),
    "defaultGpus": (0, 1024),
    "jobCpus": (1, 4096),
    "slurmNodes": (1, 16),
    "slurmCpuOvercommit": (1, 100),
    "jwtLeewaySeconds": (0, 300),
    "jwksMaxAgeSeconds": (1, 86400),
}
"""Key → least and most."""
NO_TEXT = {
    "sessionHours",
    "startSignInHours",
    "idleServerHours",
    "invalidTokenLogout",
    "slurmHostAliases",
    "jobSrun",
    "slurmAccounting",
    *WHOLE_NUMBERS,
}
"""What is YAML in a ConfigMap's strings."""


def problems(text: str, *, config_map: bool) -> set[str]:
    """The keys of a file that are to be refused; ``""`` stands for the file itself.

    :param config_map: whether it is a ``deploy-configmap.yaml``.
    """
    try:
        values = yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {""}
    if values is None:
        return {""} if config_map else set()
    if not isinstance(values, dict) or not isinstance(node, yaml.MappingNode) or _repeated(node):
        return {""}
    if not config_map:
        return _bad_settings(_by_key(node, values), password_length=12)
    return _bad_config_map(node, values)


def _by_key(node: yaml.MappingNode, values: Mapping[Any, Any]) -> dict[str, Any]:
    """The values by their keys as they are written."""
    return dict(zip((str(key.value) for key, _ in node.value), values.values(), strict=True))


def _repeated(node: yaml.Node) -> bool:
    """Whether a mapping has a key twice, whatever its spelling, or takes others in."""
    if not isinstance(node, yaml.MappingNode):
        return False
    keys = [str(key.value) for key, _ in node.value]
    made = yaml.SafeLoader("").construct_document(node)
    merges = any(key.tag.endswith(":merge") for key, _ in node.value)
    unwritable = any(0xD800 <= ord(character) < 0xE000 for key in keys for character in key)
    return merges or unwritable or len(set(keys)) < len(keys) or len(made) < len(keys)


def _bad_config_map(node: yaml.MappingNode, values: Mapping[Any, Any]) -> set[str]:
    nodes = {str(key.value): value for key, value in node.value}
    data, metadata = values.get("data"), values.get("metadata")
    if any(_repeated(nodes[key]) for key in ("data", "metadata") if key in nodes):
        return {""}
    wrong = {str(key) for key in _by_key(node, values)} - {
        "apiVersion",
        "kind",
        "metadata",
        "data",
        "immutable",
    }
    if values.get("apiVersion") not in ("v1", "core/v1"):
        wrong.add("apiVersion")
    if values.get("kind") != "ConfigMap":
        wrong.add("kind")
    if not isinstance(metadata, dict) or metadata.get("name") != "deploy-config":
        wrong.add("metadata")
    if values.get("immutable") not in (True, False, None) or isinstance(
        values.get("immutable"), int | float
    ) * (not isinstance(values.get("immutable"), bool)):
        wrong.add("immutable")
    if data is not None and not isinstance(data, dict):
        return wrong | {"data"}
    settings = _by_key(nodes["data"], data) if data else {}
    no_strings = {key for key, value in settings.items() if not isinstance(value, str)}
    parsed = {key: _parsed(key, value) for key, value in settings.items() if key not in no_strings}
    return wrong | no_strings | _bad_settings(parsed, password_length=1)


def _parsed(key: str, value: str) -> Any:
    if key not in NO_TEXT:
        return value
    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        return value


def _bad_settings(values: Mapping[str, Any], password_length: int) -> set[str]:
    wrong = {key for key in values if key not in RULES}
    for key, value in values.items():
        if value is None and key in OPTIONAL:
            continue
        if key == "dummyAuthPassword":
            good = _is_password(value, password_length)
        else:
            good = key in RULES and RULES[key](value)
        if not good:
            wrong.add(key)
    if not wrong and _leads_to_hub(values):
        wrong.add("logoutRedirectUrl")
    if not wrong and (values.get("startSignInHours") or 0) > values.get("sessionHours", 12):
        wrong.add("startSignInHours")
    if not {key for key in wrong if key not in ("logoutRedirectUrl", "startSignInHours")}:
        wrong |= _contradictions(values)
    return wrong


def _contradictions(values: Mapping[str, Any]) -> set[str]:
    """Keys of jobs whose values do not go together."""
    wrong = set()
    numbers = {"minGpus": 0, "maxGpus": 4, "defaultGpus": 1}
    times = {"maxRuntime": "24:00:00", "defaultRuntime": "01:00:00"}
    known = {
        **numbers,
        **{key: _seconds(values.get(key, time)) for key, time in times.items()},
        **{key: values[key] for key in numbers.keys() & values.keys()},
    }
    for small, big in (
        ("minGpus", "maxGpus"),
        ("minGpus", "defaultGpus"),
        ("defaultGpus", "maxGpus"),
        ("defaultRuntime", "maxRuntime"),
    ):
        if known[small] > known[big]:
            wrong.add(big if big in values else small)
    if values.get("partitions") and (values.get("defaultPartition") or "") not in [
        "",
        *values["partitions"].split(" "),
    ]:
        wrong.add("defaultPartition")
    return wrong


def _seconds(value: Any) -> int:
    if isinstance(value, int):
        return value
    hours, minutes, seconds = value.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


# -- one value


def _is_path(value: Any) -> bool:
    if not isinstance(value, str) or not value.startswith("/"):
        return False
    parts = value.removesuffix("/").split("/")[1:]
    return bool(parts) and all(part and part != ".." and set(part) <= ALNUM | set("._+-") for part in parts)


def _is_path_in_job(value: Any) -> bool:
    if not isinstance(value, str) or ".." in value.split("/") or not value.startswith(("/", "$")):
        return False
    rest, plain = value, ""
    while rest:
        head, dollar, tail = rest.partition("$")
        plain += head
        if not dollar:
            break
        braced = tail.startswith("{")
        tail = tail.removeprefix("{")
        name = ""
        while tail and (tail[0] in ALNUM | {"_"}):
            name, tail = name + tail[0], tail[1:]
        if not name or name[0].isdigit() or (braced and not tail.startswith("}")):
            return False
        rest = tail.removeprefix("}") if braced else tail
        plain += "v"
        if not rest:
            break
    begins = value.startswith("/") or plain[1:2] == "/"
    return begins and len(plain.removeprefix("/")) > 0 and set(plain) <= ALNUM | set("._+-/")


def _is_quoted(value: Any) -> bool:
    """Whether a URL has no character that must be quoted in one."""
    return (
        isinstance(value, str)
        and value.isascii()
        and value.isprintable()
        and not set(value) & set(" \\\"'<>^`{|}")
    )


def _is_url(value: Any) -> bool:
    return _is_quoted(value) and not set(value) & set("?#") and _begins_like_url(value)


def _begins_like_url(value: str) -> bool:
    scheme, found, rest = value.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return False
    authority = rest.replace("?", "/").replace("#", "/").partition("/")[0]
    if authority.startswith("["):
        host, bracket, port = authority[1:].partition("]")
        if not bracket or not is_address(host) or ":" not in host or (port and not port.startswith(":")):
            return False
        port = port.removeprefix(":")
    else:
        host, _, port = authority.partition(":")
        if not is_host(host) and not is_old_address(host):
            return False
    return port == "" or (port.isdigit() and 0 < int(port) < 65536)


def _is_issuer(value: Any) -> bool:
    if not _is_url(value):
        return False
    host = value.partition("://")[2].partition("/")[0]
    name = host[1 : host.index("]")] if host.startswith("[") else host.partition(":")[0]
    if is_old_address(name):
        name = socket.inet_ntoa(socket.inet_aton(name))
    local = name.lower() == "localhost" or (is_address(name) and is_loopback(ipaddress.ip_address(name)))
    return value.lower().startswith("https://") or local


def _is_forwarded(value: Any) -> bool:
    if not _is_issuer(value) or not value.lower().startswith("http://"):
        return False
    authority, _, path = value.partition("://")[2].partition("/")
    return not path and not authority.startswith("[")


def _is_base_url(value: Any) -> bool:
    if not isinstance(value, str) or value in ("", "/"):
        return isinstance(value, str)
    parts = value.removesuffix("/").split("/")
    return (
        parts[0] == ""
        and all(part not in ("", ".", "..") and set(part) <= ALNUM | set("._~-") for part in parts[1:])
        and parts[1] != "oidc"
    )


def _is_users(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    for blank in "\t\r\n":
        value = value.replace(blank, " ")
    words = [word for word in value.split(" ") if word]
    first, further = set(string.ascii_lowercase + "_"), set(string.ascii_lowercase + string.digits + "_-")

    def named(part: str) -> bool:
        return part != "" and part[0] in first and set(part) <= further

    return (
        bool(words)
        and len(set(words)) == len(words)
        and all(len(w) <= 32 and w.count(".") == 1 and all(map(named, w.split("."))) for w in words)
    )


def _is_password(value: Any, least: int) -> bool:
    return isinstance(value, str) and len(value) >= least and value.isprintable() and value.strip() != ""


def _is_hours(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0.001 <= value <= 336


def _is_idle_hours(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and (value == 0 or 0.005 <= value <= 336)


def _is_names(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    words = value.replace("\t", " ").replace("\r", " ").replace("\n", " ").split(" ")
    first, further = set(string.ascii_lowercase + "_"), set(string.ascii_lowercase + string.digits + "_-")
    return all(len(w) <= 64 and w[0] in first and set(w) <= further for w in words if w)


def _is_aliases(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(name, str) and is_host(name) and is_address(address) for name, address in value.items()
    )


def _made_of(characters: str) -> Callable[[Any], bool]:
    allowed = ALNUM | set(characters)
    return lambda value: isinstance(value, str) and value != "" and set(value) <= allowed


def _is_redirect(value: Any) -> bool:
    return _is_quoted(value) and (_begins_like_url(value) or (value[:1] == "/" and value[:2] != "//"))


def _leads_to_hub(values: Mapping[str, Any]) -> bool:
    """Whether signing out leads to a page of the hub's."""
    target = values.get("logoutRedirectUrl") or ""
    path = target if target.startswith("/") else target.partition("://")[2].partition("/")[2]
    base = (values.get("baseUrl", "/jupyter")).strip("/")
    return path.lstrip("/").startswith(f"{base}/hub/".lstrip("/"))


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _is_runtime(value: Any) -> bool:
    if type(value) is int:
        return 0 < value < 360000
    if not isinstance(value, str) or len(value) != 8 or (value[2], value[5]) != (":", ":"):
        return False
    digits = value[:2] + value[3:5] + value[6:]
    return set(digits) <= set(string.digits) and value[3] < "6" and value[6] < "6" and set(digits) != {"0"}


def _is_slurm_name(value: Any) -> bool:
    return _made_of("_.-")(value) and not value.startswith("-") and len(value) <= 64


def _are_slurm_names(value: Any) -> bool:
    names = [name for name in value.split(" ") if name] if isinstance(value, str) else []
    return bool(names) and len(set(names)) == len(names) and all(map(_is_slurm_name, names))


def _is_notebook_dir(value: Any) -> bool:
    if not isinstance(value, str) or not value or ".." in value.split("/"):
        return False
    text = value.replace("{project}", "p").replace("{username}", "u")
    if text.startswith("~"):
        text = "/" + text[1:].removeprefix("/") if text[1:2] in ("", "/") else "?"
    return _is_path_in_job(text + ("/x" if text.endswith("/") else "x" if text.startswith("/") else "/x"))


def _are_marks(value: Any) -> bool:
    """At most ten numbers of minutes, a blank between two, none with a sign or with zeros before it."""
    if not isinstance(value, str):
        return False
    words = value.split(" ") if value else []
    return len(words) <= 10 and all(
        0 < len(word) <= 5 and set(word) <= set(string.digits) and word[0] != "0" for word in words
    )


def _is_memory(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    number = value[:-1] if value[-1:] and value[-1] in "KMGT" else value
    return number != "" and set(number) <= set(string.digits) and len(number) <= 9


def _is_gres(value: Any) -> bool:
    return _made_of("_.:=,/-")(value) and value[0] in ALNUM | {"_"} and len(value) <= 256


def _are_options(value: Any) -> bool:
    return (
        isinstance(value, str)
        and value.startswith("-")
        and value[1:2] not in ("", " ")
        and value[-1] != " "
        and all(" " <= character <= "~" for character in value)
    )


def _is_script(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= 10_000
        and all(character in "\t\n" or character.isprintable() for character in value)
    )


def _is_gpus(value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return value == ""
    first, *kinds, count = value.split(":") if ":" in value else ("", "0")
    small = "abcdefghijklmnopqrstuvwxyz"
    named = all(
        0 < len(kind) < 32 and kind[0] in small and not set(kind) - set(f"{small}0123456789_")
        for kind in kinds
    )
    return first == "gpu" and len(kinds) < 2 and named and count in map(str, range(1, 17))


RULES: Mapping[str, Callable[[Any], bool]] = {
    "logLevel": lambda value: value in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    "baseUrl": _is_base_url,
    "devUsers": _is_users,
    "dummyAuthPassword": lambda value: False,
    "sshHostname": is_host,
    "slurmSpawnerWrappersBin": _is_path,
    "jupyterEnvDir": _is_path,
    "condaPrefixDir": _is_path,
    "jupyterDataDir": _is_path_in_job,
    "hubConnectUrl": _is_url,
    "slurmGpus": _is_gpus,
    "slurmHostAliases": _is_aliases,
    "oidcServer": _is_issuer,
    "publicUrl": _is_forwarded,
    "bricsPlatform": _made_of("._-"),
    "jwtAudience": _made_of("._~:/-"),
    "sessionHours": _is_hours,
    "startSignInHours": _is_hours,
    "logoutRedirectUrl": _is_redirect,
    "invalidTokenLogout": lambda value: isinstance(value, bool),
    **{key: _whole(*bounds) for key, bounds in WHOLE_NUMBERS.items()},
    "maxRuntime": _is_runtime,
    "defaultRuntime": _is_runtime,
    "partitions": _are_slurm_names,
    "defaultPartition": _is_slurm_name,
    "notebookDir": _is_notebook_dir,
    "timeLeftMarks": _are_marks,
    "jobMemory": _is_memory,
    "jobGres": _is_gres,
    "jobAccount": _is_slurm_name,
    "jobQos": _is_slurm_name,
    "jobOptions": _are_options,
    "jobPrologue": _is_script,
    "jobEpilogue": _is_script,
    "jobSrun": lambda value: isinstance(value, bool),
    "slurmAccounting": lambda value: isinstance(value, bool),
    "adminUsers": _is_names,
    "idleServerHours": _is_idle_hours,
    "announcement": lambda value: isinstance(value, str) and len(value) <= 2000,
}
"""Key → whether it may have a value; the password's length depends on the file."""
