"""A ``--deploy-dir``: its settings' file, and its key files, read and checked. May import: errors, config."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import re
from collections.abc import Sequence
from pathlib import Path

from brics_envs.config.setting_types import host_name
from brics_envs.config.ssh_config import NO_SSH_CONFIG, load_ssh_config
from brics_envs.config.yaml_file import load_mapping, read_text
from brics_envs.errors import ConfigError

SETTINGS = "deploy.yaml"
CONFIG_MAP = "deploy-configmap.yaml"
"""What existing deployments have in place of deploy.yaml: the manifest of a ConfigMap."""

CLIENT_KEY = "ssh_client_key"
CLIENT_PUBLIC = f"{CLIENT_KEY}.pub"
KNOWN_HOSTS = "ssh_known_hosts"
SSH_CONFIG = "ssh_config"
"""Port, user and jump host of the Slurm host; a deployment need not have it."""

ZENITH_KEY = "ssh_zenith_client_key"
ZENITH_PUBLIC = f"{ZENITH_KEY}.pub"
ZENITH_CONFIG = "zenith_client_config.yaml"
NADIR_KEY = "ssh_nadir_key"
NADIR_PUBLIC = f"{NADIR_KEY}.pub"
NADIR_CONFIG = "nadir_config"
NADIR_KNOWN_HOSTS = "ssh_nadir_known_hosts"

METRICS_TOKEN = "metrics_token"  # noqa: S105 - a file's name
"""May be there in every environment: the token with which Prometheus reads the hub's metrics."""

MIN_TOKEN_LENGTH = 32
"""Shortest token of a user's own, characters."""

EXTERNAL_SLURM_FILES = (CLIENT_KEY, CLIENT_PUBLIC, KNOWN_HOSTS)
ZENITH_FILES = (ZENITH_KEY, ZENITH_PUBLIC, ZENITH_CONFIG)
NADIR_FILES = (NADIR_KEY, NADIR_PUBLIC, NADIR_CONFIG, NADIR_KNOWN_HOSTS)

ZENITH_SECRETS = frozenset({"auth_oidc_client_secret", "ssh_private_key_data", "tls_key_data", "token"})
"""Keys of Zenith's client.yaml whose values nobody else may read (zenith-client 0.16, ConnectConfig and InitConfig).

Its file may have them in camelCase as well.
"""


def settings_file(directory: Path) -> Path:
    """The file with a deployment's settings: its ``deploy.yaml``, or a ``deploy-configmap.yaml`` in place of it.

    :raises ConfigError: neither exists, or both are.
    """
    found = [path for name in (SETTINGS, CONFIG_MAP) if (path := directory / name).exists()]
    if len(found) != 1:
        what = "both exist: remove one" if found else "neither exists"
        raise ConfigError(
            f"--deploy-dir: {directory / SETTINGS} and {CONFIG_MAP}: {what}",
            hint="one of them must hold the deployment's settings",
        )
    return found[0]


def optional_files(directory: Path) -> tuple[str, ...]:
    """The files that no environment needs, and that are there."""
    return tuple(name for name in (METRICS_TOKEN,) if (directory / name).exists())


def load_deploy_files(directory: Path, names: Sequence[str], ssh_hostname: str) -> dict[str, str]:
    """Read the key files that an environment needs.

    :param directory: the ``--deploy-dir``.
    :param names: the files' names; a private key stands before its public half.
    :param ssh_hostname: the Slurm host, of which known_hosts must have a key.
    :returns: name → text. Private keys end in a newline, public ones are one line.
    :raises ConfigError: a line for every file that is missing, malformed or readable for others.
    """
    problems: list[str] = []
    texts: dict[str, str] = {}
    hosts = NO_SSH_CONFIG
    if KNOWN_HOSTS in names:
        try:
            hosts = load_ssh_config(directory / SSH_CONFIG, ssh_hostname)
            if text := hosts.render():
                texts[SSH_CONFIG] = text
        except ConfigError as error:
            problems.append(error.message)
    for name in names:
        path = directory / name
        try:
            if name == KNOWN_HOSTS:
                texts[name] = _known_hosts(path, ssh_hostname, "the sshHostname", hosts.port)
                for host, port in hosts.jumps:
                    _known_hosts(path, host, f"a jump host in {SSH_CONFIG}", port)
            elif name == NADIR_KNOWN_HOSTS:
                server = texts.get(NADIR_CONFIG, "").strip()
                texts[name] = _known_hosts(path, server, f"the server in {NADIR_CONFIG}")
            elif name == ZENITH_CONFIG:
                texts[name] = _zenith_config(path)
            elif name == NADIR_CONFIG:
                texts[name] = _nadir_config(path)
            elif name == METRICS_TOKEN:
                texts[name] = _metrics_token(path)
            elif path.suffix == ".pub":
                texts[name] = _public_key(path, texts.get(path.stem, ""))
            else:
                texts[name] = _private_key(path)
        except ConfigError as error:
            problems.append(error.message)
    if problems:
        raise ConfigError("\n".join(problems), hint="docs/deploy.md lists the files of a --deploy-dir")
    return texts


def _private_key(path: Path) -> str:
    text = read_text(path)
    _refuse_readable(path)
    try:
        _load_private(text)
    except (ValueError, TypeError):
        raise ConfigError(f"{path}: not a private SSH key without a passphrase") from None
    # ssh does not read a key whose last line has no end.
    return text if text.endswith("\n") else f"{text}\n"


def _metrics_token(path: Path) -> str:
    token = read_text(path).strip()
    _refuse_readable(path)
    if not re.fullmatch(rf"[A-Za-z0-9._~+/=-]{{{MIN_TOKEN_LENGTH},}}", token):
        raise ConfigError(
            f"{path}: must be one word of at least {MIN_TOKEN_LENGTH} letters, digits and ._~+/=-: "
            f"`openssl rand -hex 32 >{path}` generates one"
        )
    return token


def _load_private(text: str) -> bytes:
    """The public half in OpenSSH's form, without a comment.

    :raises ValueError, TypeError: not a private key, or one with a passphrase.
    """
    # cryptography takes a tenth of a second to load, and most commands read no keys.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    # ssh reads both; ssh-keygen wrote PEM before OpenSSH 7.8.
    openssh = "BEGIN OPENSSH PRIVATE KEY" in text
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        public = load(text.encode(), password=None).public_key()
        return public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error


def _refuse_readable(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read or write it (mode {mode:04o}): chmod 600 {path}")


def _public_key(path: Path, private: str) -> str:
    line = read_text(path).strip()
    if len(line.splitlines()) != 1 or _key_data(line.split()[:2]) is None:
        raise ConfigError(f"{path}: not one line with a public SSH key")
    if private and _load_private(private).split() != line.encode().split()[:2]:
        raise ConfigError(f"{path}: does not belong to {path.with_suffix('')}")
    return f"{line}\n"


def _key_data(words: list[str]) -> bytes | None:
    """The data of ``TYPE BASE64``, if it is of that type (RFC 4253, 6.6)."""
    if len(words) != 2:
        return None
    try:
        data = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    length = int.from_bytes(data[:4], "big")
    return data if data[4 : 4 + length] == words[0].encode() else None


def _known_hosts(path: Path, host: str, role: str, port: str = "22") -> str:
    text = read_text(path)
    matching = False
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if _key_data(words[1:3]) is None:
            raise ConfigError(f"{path}:{number}: not HOSTS TYPE KEY")
        matching |= marker in ("", "@cert-authority") and (
            # With another port ssh looks for [HOST]:PORT first.
            _names(words[0], host) or (port != "22" and _names(words[0], f"[{host}]:{port}"))
        )
    option = "" if port == "22" else f"-p {port} "
    # Without a name (its own file is wrong, which is told) there is nothing to look for.
    if host and not matching:
        raise ConfigError(
            f"{path}: no key of {host}, {role}: compare what `ssh-keyscan {option}{host}` prints"
        )
    return text


def _names(hosts: str, host: str) -> bool:
    """Whether the first field of a known_hosts line names a host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
    if hosts.startswith("|1|"):
        salt, _, digest = hosts[3:].partition("|")
        try:
            made = hmac.new(base64.b64decode(salt), host.encode(), hashlib.sha1).digest()
            return hmac.compare_digest(made, base64.b64decode(digest))
        except (binascii.Error, ValueError):
            return False
    patterns = hosts.lower().split(",")
    # Of what fnmatch knows ssh has no brackets: those of [HOST]:PORT are meant as they are.
    literal = [pattern.replace("[", "[[]") for pattern in patterns]
    matches = [pattern for pattern in literal if fnmatch.fnmatchcase(host.lower(), pattern.removeprefix("!"))]
    return bool(matches) and not any(pattern.startswith("!") for pattern in matches)


def _zenith_config(path: Path) -> str:
    file = load_mapping(path)
    spelt = {key: _snake_case(key) for key in file.values}
    values = {spelt[key]: value for key, value in file.values.items()}
    problems = [
        f"{file.where(key)}: {key}: is {spelt[key]} a second time"
        for key in spelt
        if key != spelt[key] and spelt[key] in spelt
    ]
    server = values.get("server_address")
    if not isinstance(server, str) or not server.strip():
        problems.append(
            f"{path}: server_address: needed (or serverAddress), the name or address of the Zenith server"
        )
    if problems:
        raise ConfigError("\n".join(problems))
    if ZENITH_SECRETS & set(values):
        _refuse_readable(path)
    return file.text


def _snake_case(key: str) -> str:
    """A key of Zenith's as its client calls it: ``serverAddress`` is ``server_address``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()


def _nadir_config(path: Path) -> str:
    line = read_text(path).strip()
    try:
        return f"{host_name(line)}\n"
    except ValueError as error:
        raise ConfigError(f"{path}: one line with Nadir's server: {error}") from None
