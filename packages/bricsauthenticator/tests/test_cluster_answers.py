"""What Slurm is asked about its cluster."""

from __future__ import annotations

import subprocess

from bricsauthenticator import cluster

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
