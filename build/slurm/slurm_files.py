"""What the Slurm container's entrypoint writes: users, sudo's rules, what follows from Slurm's version. Pure functions.

Sudo's rules and Slurm's nodes are templates beside it. Needs Python 3.10 and Debian's Jinja2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - they are no HTML: what is put into them is checked beforehand
)

HOME = Path("/home")
LOG = Path("/var/log/slurm")

GROUP = "jupyterusers"
SPAWNER = "jupyterspawner"
FIRST_UID = 20000
"""The lowest user and group ID that users get; everything from here on is theirs (firewall.nft has it too)."""

FIRST_SLURMD_PORT = 6818
"""That of the first node; those of the others follow. (firewall.nft lets users reach them.)"""
GPU_FILE = "/dev/fakegpu"

WRAPPERS = ("slurmspawner_sbatch", "slurmspawner_squeue", "slurmspawner_scancel")
USER = re.compile(r"[a-z_][a-z0-9_-]*\.[a-z_][a-z0-9_-]*")
SAFE_PATH = re.compile(r"/[A-Za-z0-9._/-]+")


class SetupError(Exception):
    """The container cannot start as it is configured; the message says why."""


@dataclass(frozen=True)
class Account:
    """A user of dev_users and the number that is both their user ID and their group's ID."""

    name: str
    uid: int

    @property
    def home(self) -> Path:
        """``/home/PROJECT/USER.PROJECT``."""
        return HOME / self.name.split(".")[1] / self.name


def account_names(users: Mapping[str, Mapping[str, Mapping[str, str]]]) -> list[str]:
    """The ``USER.PROJECT`` names of dev_users, sorted, each once.

    :param users: ``{"USER": {"PROJECT.brics": {"name": …, "username": "USER.PROJECT"}}}``
    :raises SetupError: one that is no such name.
    """
    names = {project["username"] for projects in users.values() for project in projects.values()}
    if wrong := sorted(name for name in names if not USER.fullmatch(name)):
        raise SetupError(f"dev_users: not of the form USER.PROJECT: {', '.join(map(repr, wrong))}")
    return sorted(names)


def assign_uids(names: Iterable[str], recorded: Mapping[str, int]) -> list[Account]:
    """Give every user the ID that owns their home, or else the next one that owns no home at all.

    :param recorded: user name → owner of the home, for every home there is, also of users who are gone.
    """
    accounts, taken = [], set(recorded.values())
    used: set[int] = set()
    following = max([FIRST_UID - 1, *taken]) + 1
    for name in sorted(names, key=lambda name: (name not in recorded, name)):
        uid = recorded.get(name, 0)
        if uid < FIRST_UID or uid in used:
            uid, following = following, following + 1
        used.add(uid)
        accounts.append(Account(name, uid))
    return accounts


def account_files(files: Mapping[str, str], accounts: Sequence[Account]) -> dict[str, str]:
    """The contents of ``passwd``, ``shadow``, ``group`` and ``gshadow`` with these users and no others.

    :param files: the files as they are; entries of earlier users are recognised by their dot and removed.
    """
    kept = {
        name: [line for line in text.splitlines() if "." not in line.split(":", 1)[0]]
        for name, text in files.items()
    }
    members = ",".join(account.name for account in accounts)
    kept["group"] = [_with_members(line, members) for line in kept["group"]]
    kept["gshadow"] = [_with_members(line, members) for line in kept["gshadow"]]
    for account in accounts:
        name, uid = account.name, account.uid
        kept["passwd"].append(f"{name}:x:{uid}:{uid}::{account.home}:/bin/bash")
        kept["shadow"].append(f"{name}:*:19700:0:99999:7:::")
        kept["group"].append(f"{name}:x:{uid}:")
        kept["gshadow"].append(f"{name}:!::")
    return {name: "\n".join(lines) + "\n" for name, lines in kept.items()}


def _with_members(line: str, members: str) -> str:
    return f"{line.rsplit(':', 1)[0]}:{members}" if line.startswith(f"{GROUP}:") else line


def hosts_on_loopback(hosts: str, hostname: str) -> str:
    """The contents of /etc/hosts with the container's own name for its loopback and for nothing else.

    Slurm's daemons, told not to listen on every address, listen on the one that their host's name stands for.
    """
    lines = [f"127.0.0.1 {hostname}"]
    for line in hosts.splitlines():
        words = line.split("#", 1)[0].split()
        if hostname not in words[1:]:
            lines.append(line)
        elif others := [word for word in words[1:] if word != hostname]:
            lines.append(" ".join([words[0], *others]))
    return "\n".join(lines) + "\n"


def sudoers(bin_dir: str) -> str:
    """sudo's rules: the service account runs the three wrappers, with no arguments, as a member of the group.

    :param bin_dir: the folder of the wrappers.
    :raises SetupError: a folder whose name means something to sudo.
    """
    if not SAFE_PATH.fullmatch(bin_dir):
        raise SetupError(f"slurmSpawnerWrappersBin: not an absolute path of plain characters: {bin_dir!r}")
    return TEMPLATES.get_template("sudoers").render(bin=bin_dir.rstrip("/"))


@dataclass(frozen=True)
class Nodes:
    """The cluster's nodes, which are all alike and all on this machine.

    :param cpus: of each.
    :param gpus: of each.
    """

    count: int
    cpus: int
    gpus: int = 0
    gpu_type: str = ""

    @property
    def names(self) -> list[str]:
        """``n1`` and so on."""
        return [f"n{number}" for number in range(1, self.count + 1)]


def nodes(settings: Mapping[str, str], processors: int) -> Nodes:
    """The nodes that a deployment wants.

    :param settings: ``slurmNodes``, ``slurmGpus``, ``slurmCpuOvercommit``.
    :param processors: of the machine.
    """
    count = int(settings["slurmNodes"])
    kind, _, number = settings["slurmGpus"].rpartition(":")
    cpus = max(1, processors * int(settings["slurmCpuOvercommit"]) // count)
    return Nodes(count, cpus, int(number or 0), kind.partition(":")[2])


def nodes_conf(cluster: Nodes) -> str:
    """nodes.conf, which slurm.conf includes."""
    return TEMPLATES.get_template("nodes.conf").render(cluster=cluster, first_port=FIRST_SLURMD_PORT)


def gres_conf(cluster: Nodes) -> str:
    """gres.conf: GPUs that do not exist, which Slurm only counts. The container makes their files."""
    return TEMPLATES.get_template("gres.conf").render(cluster=cluster, file=GPU_FILE) if cluster.gpus else ""


def reservations(text: str) -> dict[str, list[str]]:
    """Name → the words after ``scontrol create reservation``: a line each; blank lines and comments are allowed.

    :raises SetupError: a line without a name, or a name that two have.
    """
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        names = [word.partition("=")[2] for word in words if word.lower().startswith("reservationname=")]
        if words and (len(names) != 1 or not names[0] or names[0] in found):
            raise SetupError(
                f"reservations: each line needs exactly one ReservationName=…, which no other line has: {line.strip()}"
            )
        found |= dict.fromkeys(names, words)
    return found


def cgroup_conf(version: str) -> str | None:
    """cgroup.conf for this Slurm, or None for none: Slurm manages no cgroups in a container without privileges.

    From Slurm 23 on the plugin has to be switched off; 22.05 does not know the setting and needs none.

    :param version: the output of ``slurmctld -V``.
    :raises SetupError: no version in it.
    """
    if not (found := re.search(r"(\d+)\.\d+", version)):
        raise SetupError(f"slurmctld -V says no version: {version!r}")
    return "CgroupPlugin=disabled\n" if int(found[1]) >= 23 else None
