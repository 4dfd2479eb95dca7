"""Deployment settings of notebook servers as jobs: what they are given, what users may ask for, how long things take.

May import: config.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from brics_envs.config.setting_types import (
    Count,
    Directives,
    Kind,
    NotebookPath,
    Runtime,
    Seconds,
    ShellText,
    SlurmName,
    SlurmNames,
    Switch,
    runtime_seconds,
)

PRODUCTION = "production"
"""Key of ``json_schema_extra``: the default where people depend on the hub, if it is another one."""

DAY_S = 24 * 3600


def setting(default: object, description: str, unit: str = "", production: object = None) -> Any:
    """A field with what its reference shows besides."""
    extra = {"unit": unit, PRODUCTION: production}
    return Field(
        default,
        description=description,
        json_schema_extra={key: value for key, value in extra.items() if value not in ("", None)},  # type: ignore[misc]
    )


class JobSettings(BaseModel):
    """Keys of deploy.yaml; ``job…`` are batchspawner's variables of the batch script."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queueLimitSeconds: Annotated[Seconds, Field(ge=10, le=7 * DAY_S)] = setting(
        3600, "how long a job may wait in the queue; then it is cancelled", "seconds", production=DAY_S
    )
    startLimitSeconds: Annotated[Seconds, Field(ge=10, le=3600)] = setting(
        300,
        "how long a server may take from when its job runs until it listens; waiting in the queue does not count",
        "seconds",
        production=420,
    )
    pollSeconds: Annotated[Seconds, Field(ge=1, le=3600)] = setting(
        30, "time between two queries of a running job", "seconds", production=60
    )
    startPollSeconds: Annotated[Seconds, Field(ge=1, le=300)] = setting(
        5,
        "longest time between two queries of a pending or starting job; in production also the shortest",
        "seconds",
        production=15,
    )
    maxRuntime: Runtime = setting("24:00:00", "longest run time that users can request")
    defaultRuntime: Runtime = setting("01:00:00", "run time preset in the form")
    minGpus: Annotated[Count, Field(ge=0, le=1024)] = setting(0, "fewest GPUs that users can request")
    maxGpus: Annotated[Count, Field(ge=0, le=1024)] = setting(
        4, "most GPUs that users can request; a job's GPUs are on one node"
    )
    defaultGpus: Annotated[Count, Field(ge=0, le=1024)] = setting(
        1, "number of GPUs preset in the form; if not set and Slurm is in the pod, minGpus"
    )
    partitions: SlurmNames | None = setting(
        None, "partitions to choose from, separated by spaces; if not set, any that Slurm knows"
    )
    defaultPartition: SlurmName | None = setting(
        None, "partition preset in the form; if not set, the first of partitions, or Slurm's default"
    )
    notebookDir: NotebookPath | None = setting(
        None,
        "directory that JupyterLab shows, such as $SCRATCH or /projects/{project}; the home directory if not set or "
        "missing",
    )
    timeLeftMarks: Annotated[
        str,
        Field(pattern=r"^([1-9][0-9]{0,4}( [1-9][0-9]{0,4}){0,9})?$"),
        Kind("numbers separated by spaces"),
    ] = setting(
        "30 10 2",
        "how long before a job's end JupyterLab warns, where its environment has our extension; empty for never",
        "minutes",
    )
    jobMemory: (
        Annotated[str, Field(pattern=r"^[0-9]{1,9}[KMGT]?$"), Kind("number with K, M, G or T")] | None
    ) = setting(None, "memory of a job on its node (--mem)", "MiB, without a letter")
    jobCpus: Annotated[Count, Field(ge=1, le=4096)] | None = setting(None, "CPUs of a job (--cpus-per-task)")
    jobGres: (
        Annotated[
            str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:=,/-]{0,255}$"), Kind("Slurm's list of resources")
        ]
        | None
    ) = setting(None, "further resources of a job (--gres)")
    jobAccount: SlurmName | None = setting(None, "Slurm account that jobs are charged to (--account)")
    jobQos: SlurmName | None = setting(None, "quality of service of jobs (--qos)")
    jobOptions: Directives | None = setting(
        None, "further options of sbatch on one line; they override others"
    )
    jobPrologue: ShellText | None = setting(
        None, "lines of a shell script in the job, before the server starts", "characters"
    )
    jobEpilogue: ShellText | None = setting(
        None, "lines of a shell script in the job, after the server has ended", "characters"
    )
    jobSrun: Switch = setting(False, "whether the server runs in a job step of its own (srun --export=ALL)")

    def problems(self) -> Iterator[str]:
        """What is wrong with several settings together: ``KEY: MESSAGE``, with a key that is set."""
        for lower, upper in (("minGpus", "maxGpus"), ("minGpus", "defaultGpus"), ("defaultGpus", "maxGpus")):
            if getattr(self, lower) > getattr(self, upper):
                yield self._out_of_order(lower, upper)
        if runtime_seconds(self.defaultRuntime) > runtime_seconds(self.maxRuntime):
            yield self._out_of_order("defaultRuntime", "maxRuntime")
        if self.partitions and self.defaultPartition and self.defaultPartition not in self.partitions.split():
            yield "defaultPartition: must be one of partitions"

    def _out_of_order(self, lower: str, upper: str) -> str:
        if upper in self.model_fields_set:
            return f"{upper}: must not be less than {lower} ({getattr(self, lower)})"
        return f"{lower}: must not be more than {upper} ({getattr(self, upper)})"
