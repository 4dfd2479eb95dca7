"""The key files of a ``--deploy-dir``: read and checked, every problem at once. May import: errors, config.

``deploy.yaml`` in the same directory is :mod:`brics_envs.config.deploy`'s.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

from brics_envs.config.yaml_file import load_mapping, read_text
from brics_envs.errors import ConfigError

CLIENT_KEY = "ssh_client_key"
CLIENT_PUBLIC = f"{CLIENT_KEY}.pub"
KNOWN_HOSTS = "ssh_known_hosts"
ZENITH_KEY = "ssh_zenith_client_key"
ZENITH_PUBLIC = f"{ZENITH_KEY}.pub"
ZENITH_CONFIG = "zenith_client_config.yaml"

EXTERNAL_SLURM_FILES = (CLIENT_KEY, CLIENT_PUBLIC, KNOWN_HOSTS)
ZENITH_FILES = (ZENITH_KEY, ZENITH_PUBLIC, ZENITH_CONFIG)

ZENITH_SECRETS = frozenset({"auth_oidc_client_secret", "ssh_private_key_data", "tls_key_data", "token"})
"""Keys of Zenith's client.yaml whose values nobody else may read (zenith-client 0.16, ConnectConfig and InitConfig)."""


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
    for name in names:
        path = directory / name
        try:
            if name == KNOWN_HOSTS:
                texts[name] = _known_hosts(path, ssh_hostname)
            elif name == ZENITH_CONFIG:
                texts[name] = _zenith_config(path)
            elif path.suffix == ".pub":
                texts[name] = _public_key(path, texts.get(path.stem, ""))
            else:
                texts[name] = _private_key(path)
        except ConfigError as error:
            problems.append(error.message)
    if problems:
        raise ConfigError("\n".join(problems), hint="the README tells what belongs in a --deploy-dir")
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
        raise ConfigError(f"{path}: not the public half of {path.with_suffix('')}")
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


def _known_hosts(path: Path, host: str) -> str:
    text = read_text(path)
    matching = False
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if _key_data(words[1:3]) is None:
            raise ConfigError(f"{path}:{number}: not HOSTS TYPE KEY")
        matching |= marker in ("", "@cert-authority") and _names(words[0], host)
    if not matching:
        raise ConfigError(
            f"{path}: no key of {host}, the sshHostname: `ssh-keyscan {host}` gives what to compare"
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
    matches = [
        pattern for pattern in patterns if fnmatch.fnmatchcase(host.lower(), pattern.removeprefix("!"))
    ]
    return bool(matches) and not any(pattern.startswith("!") for pattern in matches)


def _zenith_config(path: Path) -> str:
    file = load_mapping(path)
    if not isinstance(file.values.get("server_address"), str):
        raise ConfigError(f"{path}: server_address: needed, the name or address of the Zenith server")
    if ZENITH_SECRETS & set(file.values):
        _refuse_readable(path)
    return read_text(path)
