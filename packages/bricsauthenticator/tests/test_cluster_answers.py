"""What Slurm 22.05 says of its cluster, of nodes with GPUs of several types, and what is asked."""

from __future__ import annotations

import subprocess

import pytest
from bricsauthenticator import cluster
from bricsauthenticator.cluster import Cluster, Gpus, Partition
from bricsauthenticator.names import Project
from bricsauthenticator.options import Limits, OptionsError, validate

PROJECTS = {"project1.brics": Project("project1.brics", "project1", "alice.project1")}
LIMITS = Limits(max_runtime=86_400, default_runtime="01:00:00", min_ngpus=0, max_ngpus=8, default_ngpus=1)

# Lines of Slurm 22.05 (Debian 12), with other names and numbers: nodes with GPUs of two types, one that is down, nodes
# with GPUs of no type and with none.
ANSWER = """\
PartitionName=workq AllowGroups=jupyterusers AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL Default=YES QoS=N/A \
DefaultTime=01:00:00 DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO MaxNodes=UNLIMITED MaxTime=1-00:00:00 \
MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED Nodes=n[1-3] PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO \
OverSubscribe=NO OverTimeLimit=NONE PreemptMode=OFF State=UP TotalCPUs=15 TotalNodes=3 SelectTypeParameters=NONE \
JobDefaults=(null) DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED TRES=cpu=15,mem=750G,node=3,billing=15
PartitionName=untyped AllowGroups=ALL Default=NO Hidden=NO MaxTime=08:00:00 Nodes=n[4-5] State=UP TotalNodes=2
workq* up mixed 1 gpu:gh200:2,gpu:a100:2 gpu:gh200:1(IDX:0),gpu:a100:2(IDX:2-3)
workq* up idle 1 gpu:gh200:3 gpu:gh200:0(IDX:N/A)
workq* up down 1 gpu:h100:2 gpu:h100:0
untyped up mixed 1 gpu:4 gpu:2
untyped up reserved 1 (null) gpu:0
ReservationName=c.2026-a StartTime=2026-11-27T21:35:41 EndTime=2026-11-27T22:35:41 Duration=01:00:00 Nodes=n5 \
NodeCnt=1 CoreCnt=5 Features=(null) PartitionName=(null) Flags=SPEC_NODES TRES=cpu=5 \
Users=alice.project1,bob.project1 Groups=(null) Accounts=(null) Licenses=(null) \
State=ACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)
|root|normal
root|root|normal
alice.project1|acc1|high,normal
bob.project1|acc2|normal
bob.project1|acc2|normal
"""
KNOWN = cluster.parse(ANSWER)


def test_the_answer_of_slurm_22_05_is_understood() -> None:
    workq, untyped = KNOWN.partitions
    assert workq.gpus == (Gpus("gh200", 3, 5, 4), Gpus("a100", 2, 2, 0), Gpus("h100", 2, 2, 0))
    assert (workq.is_default, workq.max_time, workq.nodes, workq.free_nodes) == (True, 86_400, 3, 1)
    assert (untyped.gpus, untyped.nodes, untyped.free_nodes) == ((Gpus("", 4, 4, 2),), 2, 0)
    assert KNOWN.reservations_for(["bob.project1"]) == ["c.2026-a"]
    assert KNOWN.accounts(["bob.project1"]) == ["acc2"]
    assert KNOWN.qos(["alice.project1"]) == ["high", "normal"]


@pytest.mark.parametrize(
    ("gpu_type", "most"), [("", 4), ("gh200", 3), ("a100", 2), ("h100", 2)], ids=lambda value: value or "any"
)
def test_the_type_says_how_many_gpus_a_server_can_have(gpu_type: str, most: int) -> None:
    """One of no type is given GPUs of several types: all that a node has."""
    asked = {"brics_project": "project1.brics", "gpu_type": gpu_type}
    assert validate({**asked, "ngpus": str(most)}, PROJECTS, LIMITS, KNOWN).ngpus == most
    with pytest.raises(OptionsError, match=f"ngpus: must be a whole number from 0 to {most}"):
        validate({**asked, "ngpus": str(most + 1)}, PROJECTS, LIMITS, KNOWN)


def test_types_that_cannot_be_asked_for_are_not_offered() -> None:
    gpus = (Gpus("", 4, 4, 4), Gpus("1g.10gb+me", 1, 1, 1), Gpus("gh200", 4, 4, 4))
    assert Cluster((Partition("workq", gpus=gpus),)).gpu_types() == ["gh200"]


COMMANDS = """\
scontrol() { case "$*" in *config) echo "ClusterName             = brics";; esac; }
sinfo() { :; }
timeout() { shift; "$@"; }
sacctmgr() { echo "$*"; }
"""


def test_only_accounts_of_this_cluster_are_asked_for() -> None:
    """A database of accounts can serve several clusters."""
    asked = subprocess.run(
        ["sh", "-c", COMMANDS + cluster.CLUSTER_SCRIPT], check=True, capture_output=True, text=True
    )
    assert "show associations cluster=brics format=User,Account,QOS" in asked.stdout
