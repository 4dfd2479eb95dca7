"""Deployment settings of the Slurm in the pod. May import: config."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from brics_envs.config.job_settings import JobSettings, setting
from brics_envs.config.setting_types import Count, Gpus, Switch


class ClusterSettings(JobSettings):
    """Keys of deploy.yaml that mean nothing where Slurm is not in the pod."""

    slurmNodes: Annotated[Count, Field(ge=1, le=16)] = setting(2, "nodes of the Slurm in the pod", "nodes")
    slurmGpus: Gpus = setting(
        "gpu:gh200:4", "simulated GPUs of each of these nodes, as in Slurm's Gres=; empty: none"
    )
    slurmCpuOvercommit: Annotated[Count, Field(ge=1, le=100)] = setting(
        5, "total CPUs of these nodes, as a multiple of the machine's"
    )
    slurmAccounting: Switch = setting(
        False, "whether the Slurm in the pod has accounting (sacct, accounts, limits, QOS)"
    )


SLURM_SETTINGS = tuple(ClusterSettings.__annotations__)
"""Their names."""
