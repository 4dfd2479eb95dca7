"""What Slurm says of its cluster: partitions, reservations, accounts, and what is free. Pure; imports nothing of ours.

Names come from Slurm's administrators and users: to this package they are untrusted text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NODES_FORMAT = "Partition:70,Available:12,StateLong:24,Nodes:10,Gres:200,GresUsed:300"
CLUSTER_SCRIPT = (
    "scontrol --all --oneliner show partition && "
    f"sinfo --noheader --all --Format={NODES_FORMAT} && "
    "scontrol --oneliner show reservation && "
    "cluster=$(scontrol show config | sed -n 's/^ClusterName *= *//p') && "
    "{ timeout 5 sacctmgr --noheader --parsable2 show associations cluster=$cluster format=User,Account,QOS"
    " 2>/dev/null || true; }"
)
"""For a POSIX shell: what :func:`parse` takes. (--all: whoever asks need not have access to the partitions.)

Words of Slurm 21.08 and later. Without accounting sacctmgr fails, which is no failure. Its database may serve several
clusters.
"""

NAME = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,64}")
"""Names that can be asked for (``options.SLURM_NAME``); others are not offered."""

PAIR = re.compile(r"(?:^|(?<=\s))([A-Za-z]+)=(\S*)")
TIME = re.compile(r"(?:(?P<days>[0-9]{1,5})-)?(?P<clock>[0-9]{1,5}(?::[0-9]{2}){0,2})")

NODES_WORDS = 6
IN_USE_OR_FREE = frozenset({"idle", "mixed", "allocated", "completing"})
"""Nodes on whose free GPUs a job can run now. Others, such as ``reserved`` or ``drained``, count in totals alone."""


@dataclass(frozen=True)
class Gpus:
    """GPUs of one type in a partition.

    :param type: empty: they have none.
    :param most: that a job on one node can have.
    """

    type: str
    most: int
    total: int
    free: int


@dataclass(frozen=True)
class Partition:
    """A partition that takes jobs.

    :param max_time: seconds; 0: no limit.
    :param most_gpus: that a job on one node can have, of whatever types.
    """

    name: str
    is_default: bool = False
    max_time: int = 0
    nodes: int = 0
    free_nodes: int = 0
    gpus: tuple[Gpus, ...] = ()
    most_gpus: int = 0

    def most_of(self, kind: str) -> int:
        """The GPUs of a type that a job on one node can have; of whatever types if the partition has none of it."""
        return next((gpus.most for gpus in self.gpus if kind and gpus.type == kind), self.most_gpus)


@dataclass(frozen=True)
class Reservation:
    """A reservation.

    :param users: whose it is; empty: Slurm knows.
    """

    name: str
    users: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Association:
    """An account that a user's jobs can be charged to."""

    account: str
    qos: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cluster:
    """An answer of Slurm's. One without partitions says that nothing is known.

    :param associations: user → their accounts; empty: there is no accounting, or it is not known.
    """

    partitions: tuple[Partition, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    associations: Mapping[str, tuple[Association, ...]] = field(default_factory=dict)

    def partition(self, name: str) -> Partition | None:
        """The one with this name, the default for an empty one; None if it is not known."""
        found = (each for each in self.partitions if (each.name == name if name else each.is_default))
        return next(found, None)

    def reservations_for(self, usernames: Collection[str]) -> list[str]:
        """Names of the reservations that one of the users may be able to use."""
        return [each.name for each in self.reservations if not each.users or each.users & set(usernames)]

    def accounts(self, usernames: Iterable[str]) -> list[str]:
        """The accounts of the users."""
        return _unique(each.account for name in usernames for each in self.associations.get(name, ()))

    def qos(self, usernames: Iterable[str]) -> list[str]:
        """The qualities of service of the users."""
        return _unique(
            qos for name in usernames for each in self.associations.get(name, ()) for qos in each.qos
        )

    def gpu_types(self) -> list[str]:
        """The types of GPUs in all partitions."""
        return _unique(
            gpus.type for each in self.partitions for gpus in each.gpus if NAME.fullmatch(gpus.type)
        )


NOTHING_KNOWN = Cluster()


def parse(output: str) -> Cluster:
    """What :data:`CLUSTER_SCRIPT` printed. Lines of another form, such as greetings, are left out."""
    lines = [line.strip() for line in output.splitlines()]
    groups = [group for line in lines if (group := _node_group(line))]
    pairs = [dict(PAIR.findall(line)) for line in lines]
    associations: dict[str, tuple[Association, ...]] = {}
    for user, association in filter(None, map(_association, lines)):
        associations[user] = (*associations.get(user, ()), association)
    return Cluster(
        tuple(_partition(words, groups) for words in pairs if _is_open(words)),
        tuple(_reservation(words) for words in pairs if NAME.fullmatch(words.get("ReservationName", ""))),
        MappingProxyType(associations),
    )


def seconds(text: str) -> int:
    """A limit in Slurm's words (``D-HH:MM:SS``, ``MM:SS``, ``UNLIMITED``), in seconds; 0: no limit, or none known."""
    match = TIME.fullmatch(text)
    if not match:
        return 0
    parts = [int(part) for part in match["clock"].split(":")]
    if match["days"]:  # hours come first
        hours, minutes, rest = (*parts, 0, 0)[:3]
    elif len(parts) == 1:
        hours, minutes, rest = 0, parts[0], 0
    else:
        hours, minutes, rest = (0, *parts)[-3:]
    return int(match["days"] or 0) * 86_400 + hours * 3600 + minutes * 60 + rest


@dataclass(frozen=True)
class _NodeGroup:
    """Nodes of a partition that are alike.

    :param gpus: of each node, by type.
    """

    partition: str
    state: str
    nodes: int
    gpus: Mapping[str, int]
    used: Mapping[str, int]


def _node_group(line: str) -> _NodeGroup | None:
    words = line.split()
    if len(words) != NODES_WORDS or not words[3].isdigit():
        return None
    name, _, state, nodes, gres, used = words
    return _NodeGroup(name.removesuffix("*"), state, int(nodes), _gpus(gres), _gpus(used))


def _gpus(gres: str) -> dict[str, int]:
    """GPUs by type in words such as ``gpu:gh200:4(S:0),nvme:1`` and ``gpu:2(IDX:0-1)``."""
    counts: dict[str, int] = {}
    for entry in re.sub(r"\([^)]*\)?", "", gres).split(","):
        parts = entry.split(":")
        if parts[0] == "gpu" and len(parts) in (2, 3) and parts[-1].isdigit():
            kind = parts[1] if len(parts) == 3 else ""
            counts[kind] = counts.get(kind, 0) + int(parts[-1])
    return counts


def _is_open(words: Mapping[str, str]) -> bool:
    is_named = NAME.fullmatch(words.get("PartitionName", "")) is not None
    return is_named and words.get("State") == "UP" and words.get("Hidden") != "YES"


def _partition(words: Mapping[str, str], groups: Iterable[_NodeGroup]) -> Partition:
    own = [group for group in groups if group.partition == words["PartitionName"]]
    return Partition(
        words["PartitionName"],
        is_default=words.get("Default") == "YES",
        max_time=seconds(words.get("MaxTime", "")),
        nodes=sum(group.nodes for group in own),
        free_nodes=sum(group.nodes for group in own if group.state == "idle"),
        gpus=tuple(_of_type(kind, own) for kind in _unique(kind for group in own for kind in group.gpus)),
        most_gpus=max((sum(group.gpus.values()) for group in own), default=0),
    )


def _of_type(kind: str, groups: Iterable[_NodeGroup]) -> Gpus:
    counted = [(group, group.gpus[kind]) for group in groups if group.gpus.get(kind)]
    free = sum(
        group.nodes * max(count - group.used.get(kind, 0), 0)
        for group, count in counted
        if group.state in IN_USE_OR_FREE
    )
    total = sum(group.nodes * count for group, count in counted)
    return Gpus(kind, max((count for _, count in counted), default=0), total, free)


def _reservation(words: Mapping[str, str]) -> Reservation:
    users = words.get("Users", "(null)")
    # "-name" bars a user from a reservation that is everybody's otherwise.
    named = frozenset(user for user in users.split(",") if not user.startswith(("-", "(")))
    return Reservation(words["ReservationName"], named)


def _association(line: str) -> tuple[str, Association] | None:
    user, *rest = line.split("|")
    if len(rest) != 2 or not user or not NAME.fullmatch(rest[0]):
        return None
    return user, Association(rest[0], tuple(qos for qos in rest[1].split(",") if NAME.fullmatch(qos)))


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
