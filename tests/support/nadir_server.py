"""A server of Nadir's kind, outside the pod: Debian's sshd on port 22, whose user nadir may have ports forwarded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from brics_envs.effects.keys import KeyPair, make_key_pair
from tests.support.outside_hosts import Host, Outside

USERS_PORT = 8000
"""Where users come to the server."""

SSHD = """\
Port 22
HostKey /etc/nadir/host_key
PidFile none
AuthorizedKeysFile /etc/nadir/authorized_keys
StrictModes no
PasswordAuthentication no
AllowUsers nadir
GatewayPorts clientspecified
PerSourcePenalties no
"""

END_CONNECTIONS = """
import contextlib, os, pwd, signal
from pathlib import Path
nadir = pwd.getpwnam("nadir").pw_uid
for process in Path("/proc").glob("[0-9]*"):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # one may end with another
        if process.stat().st_uid == nadir:
            os.kill(int(process.name), signal.SIGTERM)
"""
"""Ends the processes of the user nadir, of which sshd has one for each connection."""


@dataclass(frozen=True)
class NadirServer(Host):
    """The server; ``host_key`` is its SSH key, ``client_key`` that of the client that it lets in."""

    host_key: KeyPair
    client_key: KeyPair

    @property
    def files(self) -> dict[str, str]:
        """The files of a deployment whose users come through this server."""
        return {
            "ssh_nadir_key": self.client_key.private.decode(),
            "ssh_nadir_key.pub": f"{self.client_key.public}\n",
            "nadir_config": f"{self.address}\n",
            "ssh_nadir_known_hosts": f"{self.address} {self.host_key.public}\n",
        }

    def takes_users(self) -> bool:
        """Whether something listens on the users' port, on all addresses (proc_pid_net(5))."""
        lines = (line.split() for line in self.run("cat", "/proc/net/tcp").splitlines())
        return any(words[1] == f"00000000:{USERS_PORT:04X}" and words[3] == "0A" for words in lines)

    def connections(self) -> set[str]:
        """The IDs of the processes that sshd has for its clients' connections."""
        return set(self.run("sh", "-c", "ps -u nadir -o pid= || true").split())

    def drop_connections(self) -> None:
        """End the clients' connections, as a server does that is restarted."""
        self.run("python3", "-c", END_CONNECTIONS)


def start_nadir_server(outside: Outside, number: int = 12) -> NadirServer:
    """Start the server, with keys of its own."""
    host_key, client_key = make_key_pair("nadir-host"), make_key_pair("nadir")
    files: Mapping[str, str] = {
        "authorized_keys": f"{client_key.public}\n",
        "host_key": host_key.private.decode(),
        "sshd_config": SSHD,
    }
    folder = outside.folder("nadir-server", files, 0o600)
    (folder / "authorized_keys").chmod(0o644)
    script = (
        "{ id nadir || useradd --password '*' --no-create-home nadir; } && mkdir -p /run/sshd"
        " && exec /usr/sbin/sshd -D -e -f /etc/nadir/sshd_config"
    )
    host = outside.start(
        "nadir-server",
        number,
        f"--volume={folder}:/etc/nadir:ro",
        "--entrypoint=sh",
        outside.image("slurm"),
        "-c",
        script,
    )
    return NadirServer(host.world, host.name, host.address, host_key, client_key)
