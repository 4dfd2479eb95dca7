"""What stands outside an instance's pod: a Slurm host, a Zenith server and an OpenID issuer, on a network of their own.

All are containers of the project's images with other configuration. The network is podman's and belongs to one world.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from brics_envs.config.dev_users import parse_dev_users, projects_by_user
from brics_envs.effects.keys import KeyPair, make_key_pair
from brics_envs.plan.names import image_tag
from tests.support.checkout import PROJECT
from tests.support.existing_deployment import zenith_config
from tests.support.token_forger import issuer_documents
from tests.support.waiting import wait_for
from tests.support.world import One, World

CONFIGURATION = PROJECT / "k8s/components/slurm"
TUNNEL_PORT = 9000
"""Where the Zenith server listens for its users; zenith_client.py asks for it."""


@dataclass(frozen=True)
class Outside:
    """A network, ``network``; ``gateway`` is this machine's address on it, ``directory`` holds the hosts' files.

    ``image_suffix`` is the tag of the project's images that the hosts are made of.
    """

    world: World
    image_suffix: str
    network: str
    subnet: str
    gateway: str
    directory: Path

    def address(self, number: int) -> str:
        """The address of the host of that number, from 10 on."""
        return str(ip_network(self.subnet)[number])

    def image(self, name: str) -> str:
        """One of the project's images."""
        return image_tag(name, self.image_suffix)

    def start(self, name: str, number: int, *args: str) -> Host:
        """Start a container with an address of its own."""
        host = Host(self.world, name, self.address(number))
        self.world.podman(
            "run", "--detach", f"--name={name}", f"--network={self.network}", f"--ip={host.address}", *args
        )
        return host

    def folder(self, name: str, files: Mapping[str, str], mode: int = 0o644) -> Path:
        """A folder with these files, for a host."""
        folder = self.directory / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text)
            (folder / file).chmod(mode)
        return folder


@dataclass(frozen=True)
class Host:
    """A container outside the pod."""

    world: World
    name: str
    address: str

    def run(self, *command: str) -> str:
        """What a command prints on the host."""
        return self.world.podman("exec", self.name, *command)

    def stop(self) -> None:
        """Stop it; ``start`` brings it back with its address."""
        self.world.podman("stop", "--time=5", self.name)

    def start(self) -> None:
        """Start it again."""
        self.world.podman("start", self.name)


@contextmanager
def outside(world: World, directory: Path, image_suffix: str) -> Iterator[Outside]:
    """A network for hosts, removed in the end with all that is on it; parameters as of :class:`Outside`."""
    # netavark keeps the leases of all storages of this user in one place, by the network's name.
    network = f"outside-{secrets.token_hex(4)}"
    world.podman("network", "create", "--disable-dns", network)
    try:
        (shown,) = json.loads(world.podman("network", "inspect", network))
        (subnet,) = shown["subnets"]
        made = Outside(world, image_suffix, network, subnet["subnet"], subnet["gateway"], directory)
        # The last container takes the network's bridge along when it stops, and with it this machine's address.
        made.start("keeps-the-network", 9, "--entrypoint=sleep", made.image("slurm"), "infinity")
        yield made
    finally:
        world.podman("network", "rm", "--force", "--time=5", network)


# -- Slurm


@dataclass(frozen=True)
class SlurmHost(Host):
    """A host with Slurm, sshd and the service account; ``host_key`` is its SSH key, ``client_key`` that of the hub."""

    host_key: KeyPair
    client_key: KeyPair

    @property
    def known_hosts(self) -> str:
        """Its line in known_hosts."""
        return f"{self.address} {self.host_key.public}\n"

    def is_ready(self) -> bool:
        """Whether it takes jobs."""
        shown = self.world.podman("exec", self.name, "sinfo", "--noheader", "--format=%T", check=False)
        return shown.split()[:1] == ["idle"]

    def jobs(self) -> list[str]:
        """ID and user of its jobs."""
        return self.run("squeue", "--noheader", "--format=%i %u").splitlines()


def start_slurm(outside: Outside, users: str) -> SlurmHost:
    """Start a Slurm host, and wait until it takes jobs."""
    host_key, client_key = make_key_pair("slurm-host"), make_key_pair("hub")
    configuration = outside.directory / "slurm"
    configuration.mkdir()
    for name in ("slurm.conf", "partitions.conf", "accounting.conf", "site.conf", "sshd_config"):
        shutil.copy(CONFIGURATION / name, configuration)
    # Unlike in the pod, sshd listens on the host's own address.
    sshd = configuration / "sshd_config"
    sshd.write_text(sshd.read_text().replace("ListenAddress 127.0.0.1", "ListenAddress 0.0.0.0"))
    accounts = projects_by_user(parse_dev_users(users, "dev_users"))
    mounts = {
        configuration: "/etc/brics/slurm",
        outside.folder("users", {"dev_users.json": json.dumps(accounts)}): "/etc/brics/dev_users",
        outside.folder(
            "keys", {"authorized_keys": f'restrict,from="{outside.subnet}" {client_key.public}\n'}
        ): "/etc/brics/ssh",
        outside.folder(
            "host-key", {"ssh_host_ed25519_key": host_key.private.decode()}, 0o400
        ): "/etc/brics/ssh-host-key",
    }
    host = outside.start(
        "slurm-host",
        10,
        "--hostname=slurm",
        "--add-host=n1:127.0.0.1",
        *(f"--volume={source}:{target}:ro" for source, target in mounts.items()),
        outside.image("slurm"),
    )
    made = SlurmHost(host.world, host.name, host.address, host_key, client_key)
    install_conda(made)
    wait_for(made.is_ready, "the Slurm host takes jobs", interval_s=0.5)
    return made


def install_conda(host: SlurmHost) -> None:
    """Give a host what existing deployments name: a conda installation, here of few files, and shared kernels."""
    files = {f"{CONDA}/bin/activate": ACTIVATE, f"{SHARED_DATA}/kernels/shared/kernel.json": KERNEL}
    for file, text in files.items():
        host.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', "sh", file, text)


CONDA = "/srv/conda"
SHARED_DATA = "/srv/jupyter_data"

ACTIVATE = """\
[ "$1" = jupyter-user-env ] || return 1
# As scripts of conda's packages do.
OLD=$CONDA_NEVER_SET
export PATH="/opt/jupyter/bin:$PATH" CONDA_DEFAULT_ENV="$1"
"""
KERNEL = json.dumps(
    {
        "argv": ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Shared",
        "language": "python",
    }
)


def slurm_settings(host: SlurmHost, outside: Outside, hub_port: int) -> dict[str, str]:
    """The deployment settings of a hub that uses this host, which has :func:`install_conda`'s files."""
    return {
        "sshHostname": host.address,
        "slurmSpawnerWrappersBin": "/opt/slurmspawner_wrappers/bin",
        "condaPrefixDir": CONDA,
        "jupyterDataDir": SHARED_DATA,
        "hubConnectUrl": f"http://{outside.gateway}:{hub_port}",
        # Their resolver knows the node.
        "slurmHostAliases": f"n1: {host.address}",
    }


def slurm_keys(host: SlurmHost) -> dict[str, str]:
    """The key files of a deployment that uses this host."""
    return {
        "ssh_client_key": host.client_key.private.decode(),
        "ssh_client_key.pub": host.client_key.public,
        "ssh_known_hosts": host.known_hosts,
    }


# -- Zenith

CLIENT_IMAGE = "localhost/zenith-client-test:1"

SSHD = """\
Port 2222
HostKey /etc/zenith/host_key
PidFile none
AuthorizedKeysFile /etc/zenith/authorized_keys
StrictModes no
PasswordAuthentication no
AllowUsers zenith
AllowTcpForwarding remote
GatewayPorts clientspecified
PerSourcePenalties no
"""


def build_zenith_client(outside: Outside) -> None:
    """Make an image that takes what Zenith's client takes, and opens the same tunnel."""
    client = Path(__file__).with_name("zenith_client.py").read_text()
    folder = outside.folder("zenith-client", {"zenith_client.py": client})
    (folder / "Containerfile").write_text(
        f'FROM {outside.image("jupyterhub")}\nCOPY zenith_client.py /\nCMD ["python3", "/zenith_client.py"]\n'
    )
    outside.world.podman("build", "--pull=never", f"--tag={CLIENT_IMAGE}", str(folder))


def start_zenith_server(outside: Outside, client_key: KeyPair) -> Host:
    """Start a server that lets a client with this key open a tunnel, on port 2222."""
    keys = {"authorized_keys": f"{client_key.public}\n", "host_key": make_key_pair("zenith").private.decode()}
    folder = outside.folder("zenith-server", keys | {"sshd_config": SSHD}, 0o600)
    (folder / "authorized_keys").chmod(0o644)
    script = (
        "useradd --password '*' --no-create-home zenith && mkdir -p /run/sshd"
        " && exec /usr/sbin/sshd -D -e -f /etc/zenith/sshd_config"
    )
    return outside.start(
        "zenith-server",
        11,
        f"--volume={folder}:/etc/zenith:ro",
        "--entrypoint=sh",
        outside.image("slurm"),
        "-c",
        script,
    )


def zenith_files(server: Host, client_key: KeyPair) -> dict[str, str]:
    """The files of a deployment whose users come through this server."""
    return {
        "ssh_zenith_client_key": client_key.private.decode(),
        "ssh_zenith_client_key.pub": client_key.public,
        "zenith_client_config.yaml": zenith_config(server.address, 2222),
    }


# -- an issuer

ISSUER = "http://127.0.0.1:9099/realms/x"
"""On the pod's loopback: from anywhere else its documents would have to come over https, with a certificate."""

SERVE = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
documents = json.loads(sys.argv[1])
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path in documents
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(json.dumps(documents[self.path]).encode() if found else b"")
HTTPServer(("127.0.0.1", 9099), Handler).serve_forever()
"""


def serve_issuer(one: One, public_jwk: Mapping[str, str]) -> None:
    """Let a web server in an instance's pod give an issuer's documents, as long as the hub's container runs."""
    documents = {f"/realms/x/{name}": found for name, found in issuer_documents(ISSUER, public_jwk).items()}
    container = one.instance.container("jupyterhub")
    one.world.podman("exec", "--detach", container, "python3", "-c", SERVE, json.dumps(documents))
    keys = f"import urllib.request; print(urllib.request.urlopen('{ISSUER}/keys').status)"

    def answers() -> bool:
        return one.world.podman("exec", container, "python3", "-c", keys, check=False).strip() == "200"

    wait_for(answers, "the issuer answers in the pod", interval_s=0.5)
