"""A deployment's ``ssh_config``: port, user and jump host of its Slurm host, read and checked.

May import: errors, config.

ssh_config(5) has keywords that run commands, take other keys or believe other hosts: what may stand in it is a list of
those that do nothing of the kind. What comes out is written anew, for the Slurm host and its jump hosts alone.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from brics_envs.config.setting_types import host_name
from brics_envs.config.yaml_file import read_text
from brics_envs.errors import ConfigError

ALIAS = "slurm"
"""What the hub calls its Slurm host (k8s/base/ssh/ssh_config)."""

JUMP = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]+))?"
)


def _port(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 0 < int(value) < 65536:
        raise ValueError("must be a port, 1 to 65535")
    return value


def _user(value: str) -> str:
    # ssh gives it to a shell where a jump host is used.
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", value):
        raise ValueError("must be an account name")
    return value


def _host(value: str) -> str:
    return host_name(value)


def _jump(value: str) -> str:
    for hop in value.split(","):
        found = JUMP.fullmatch(hop)
        if not found:
            raise ValueError("must be [USER@]HOST[:PORT], several separated by commas")
        _host(found["host"].strip("[]"))
        if found["user"]:
            _user(found["user"])
        if found["port"]:
            _port(found["port"])
    return value


def _seconds(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,3}", value) or not 0 < int(value) <= 20:
        raise ValueError("must be seconds, 1 to 20")
    return value


def _word_of(*allowed: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value.lower()

    return check


def _algorithms(value: str) -> str:
    if not re.fullmatch(r"[+^-]?[A-Za-z0-9@.*?-]+(,[A-Za-z0-9@.*?-]+)*", value):
        raise ValueError("must be names of algorithms, separated by commas")
    return value


_yes_or_no = _word_of("yes", "no")

KEYWORDS: Mapping[str, Callable[[str], str]] = {
    "AddressFamily": _word_of("any", "inet", "inet6"),
    "CASignatureAlgorithms": _algorithms,
    "Ciphers": _algorithms,
    "Compression": _yes_or_no,
    "ConnectTimeout": _seconds,
    "HostKeyAlgorithms": _algorithms,
    "HostKeyAlias": _host,
    "HostName": _host,
    "KexAlgorithms": _algorithms,
    "MACs": _algorithms,
    "Port": _port,
    "ProxyJump": _jump,
    "PubkeyAcceptedAlgorithms": _algorithms,
    "ServerAliveInterval": _seconds,
    "TCPKeepAlive": _yes_or_no,
    "User": _user,
}
"""Keyword → what checks its value. Left out are above all those that run commands (ProxyCommand, LocalCommand, Match
exec, KnownHostsCommand, PKCS11Provider), that decide what is believed or sent (StrictHostKeyChecking, IdentityFile,
UserKnownHostsFile, SendEnv, forwardings), and that read other files (Include)."""

_SPELLING = {keyword.lower(): keyword for keyword in KEYWORDS}


@dataclass(frozen=True)
class SshHosts:
    """How the Slurm host and its jump hosts are reached; ``settings`` are keyword → value for each host's name.

    ``port`` and ``user`` are those of the Slurm host, None if the file does not say; ``jumps`` are (host, port).
    """

    settings: Mapping[str, Mapping[str, str]]
    jumps: tuple[tuple[str, str], ...] = ()

    @property
    def port(self) -> str:
        """The Slurm host's port."""
        return self.settings[ALIAS].get("Port", "22")

    def render(self) -> str:
        """The text that ssh includes."""
        return "".join(
            f"Host {host}\n" + "".join(f"    {keyword} {value}\n" for keyword, value in settings.items())
            for host, settings in self.settings.items()
            if settings
        )


NO_SSH_CONFIG = SshHosts({ALIAS: {}})
"""Where a deployment has no such file."""


@dataclass
class _Block:
    """The lines below a ``Host`` line; what stands before the first is about the Slurm host."""

    line: int
    patterns: tuple[str, ...]
    settings: dict[str, tuple[int, str]]

    def is_for(self, names: Sequence[str]) -> bool:
        """Whether ssh would take them for a host of these names."""
        lower = [name.lower() for name in names]
        denied = (pattern[1:] for pattern in self.patterns if pattern.startswith("!"))
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in denied for name in lower):
            return False
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns for name in lower)


def load_ssh_config(path: Path, ssh_hostname: str) -> SshHosts:
    """Read a deployment's ``ssh_config``, if it is there.

    :param ssh_hostname: the Slurm host, which a ``Host`` line may name.
    :raises ConfigError: every keyword that may not stand in it and every bad value, with file and line.
    """
    if not path.exists():
        return NO_SSH_CONFIG
    problems: list[str] = []
    blocks = _blocks(path, ssh_hostname, problems)
    slurm = [ALIAS, ssh_hostname]
    settings: dict[str, Mapping[str, str]] = {ALIAS: _settings(blocks, slurm)}
    hops = [JUMP.fullmatch(hop) for hop in settings[ALIAS].get("ProxyJump", "").split(",")]
    jumps = []
    for found in hops:
        if found:
            host = found["host"].strip("[]")
            own = {k: v for k, v in _settings(blocks[1:], [host]).items() if k != "ProxyJump"}
            settings[host] = own
            jumps.append(
                (own.get("HostKeyAlias", own.get("HostName", host)), found["port"] or own.get("Port", "22"))
            )
    known = [slurm, *([host] for host in settings if host != ALIAS)]
    for block in blocks:
        if block.patterns and not any(block.is_for(names) for names in known):
            problems.append(
                f"{path}:{block.line}: Host: neither {ssh_hostname}, the sshHostname, nor a host in its ProxyJump"
            )
        for keyword in ("HostName", "HostKeyAlias"):
            line, value = block.settings.get(keyword, (0, ssh_hostname))
            if block.is_for(slurm) and value != ssh_hostname:
                problems.append(
                    f"{path}:{line}: {keyword}: only for jump hosts: the Slurm host is the setting sshHostname"
                )
        if "ProxyJump" in block.settings and not block.is_for(slurm):
            line, _ = block.settings["ProxyJump"]
            problems.append(f"{path}:{line}: ProxyJump: only for the Slurm host: FIRST,SECOND goes over both")
    if problems:
        raise ConfigError(
            "\n".join(sorted(set(problems), key=_line_number)),
            hint=f"allowed are Host and {', '.join(KEYWORDS)}",
        )
    return SshHosts(settings, tuple(jumps))


def _line_number(problem: str) -> int:
    return int(re.search(r":(\d+): ", problem)[1])  # type: ignore[index]  # each has one


def _settings(blocks: Sequence[_Block], names: Sequence[str]) -> dict[str, str]:
    """A host's settings: as with ssh, the first of a keyword wins."""
    found: dict[str, str] = {}
    for block in blocks:
        if block.is_for(names):
            for keyword, (_, value) in block.settings.items():
                found.setdefault(keyword, value)
    return found


def _blocks(path: Path, ssh_hostname: str, problems: list[str]) -> list[_Block]:
    blocks = [_Block(0, (ALIAS, ssh_hostname.lower()), {})]
    for number, keyword, words in _lines(path, problems):
        where = f"{path}:{number}: {keyword}"
        if keyword.lower() == "host":
            if not words:
                problems.append(f"{where}: missing host")
            blocks.append(_Block(number, tuple(word.lower() for word in words), {}))
            continue
        name = _SPELLING.get(keyword.lower())
        if name is None:
            problems.append(f"{where}: not allowed here")
        elif len(words) != 1:
            problems.append(f"{where}: needs one value")
        else:
            try:
                blocks[-1].settings.setdefault(name, (number, KEYWORDS[name](words[0])))
            except ValueError as error:
                problems.append(f"{where}: {error}, not {words[0]!r}")
    return blocks


def _lines(path: Path, problems: list[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Number, keyword and values of each line (ssh_config(5): ``KEYWORD VALUE…`` or ``KEYWORD=VALUE``)."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        found = re.fullmatch(r"\s*(#.*|(?P<keyword>[^\s=\"]+)(\s*=\s*|\s+|$)(?P<rest>.*))?", line)
        if not found:
            problems.append(f"{path}:{number}: not KEYWORD VALUE")
        elif found["keyword"]:
            try:
                yield number, found["keyword"], shlex.split(found["rest"], comments=True)
            except ValueError:
                problems.append(f"{path}:{number}: {found['keyword']}: a quote is not closed")
