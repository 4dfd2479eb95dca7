"""``invoke status``: what is up. May import: errors, plan, effects, lifecycle.

The JSON form is part of the contract::

    {"instances": [{"instance", "env", "pod", "url", "state",
                    "containers": [{"name", "image", "state", "ready"}], "slurm": {"nodes": …, "jobs": …}}]}

``state`` is ``ready``, ``starting`` (still within the time that readiness may take), ``degraded`` or ``down``.
``slurm`` is null where Slurm runs elsewhere or does not answer.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from brics_envs.effects.podman import attempt, require_podman
from brics_envs.lifecycle.observe import PodState, observe_pods, observe_record
from brics_envs.lifecycle.ready import DEADLINE_S, Check, checks_for
from brics_envs.plan.names import Instance

NODE_FIELDS = ("name", "state", "cpus", "gres")
NODE_FORMAT = "%n|%T|%c|%G"
JOB_FIELDS = ("id", "user", "name", "state", "node")
JOB_FORMAT = "%i|%u|%j|%T|%N"


@dataclass(frozen=True)
class ContainerStatus:
    """A container; ``ready`` is whether it runs and what users need of it answers."""

    name: str
    image: str
    state: str
    ready: bool


@dataclass(frozen=True)
class SlurmStatus:
    """Slurm's nodes and jobs, one mapping each."""

    nodes: list[dict[str, str]]
    jobs: list[dict[str, str]]


@dataclass(frozen=True)
class InstanceStatus:
    """An instance, as ``--json`` shows it."""

    instance: str
    env: str
    pod: str
    url: str
    state: str
    containers: list[ContainerStatus]
    slurm: SlurmStatus | None


def status(root: Path, instance: Instance | None) -> list[InstanceStatus]:
    """What is up: of one instance, or of all that have a pod."""
    require_podman()
    pods = observe_pods()
    if instance is None:
        return [_status(root, pod) for pod in pods]
    own = [pod for pod in pods if pod.instance == instance]
    return [_status(root, pod) for pod in own] or [_down(instance)]


def as_json(statuses: list[InstanceStatus]) -> dict[str, object]:
    """The statuses in the contract's JSON form."""
    return {"instances": [asdict(one) for one in statuses]}


def as_table(statuses: list[InstanceStatus]) -> Group:
    """The statuses for reading."""
    return Group(*(part for one in statuses for part in _parts(one))) if statuses else Group("nothing is up")


def _status(root: Path, pod: PodState) -> InstanceStatus:
    record = observe_record(pod, pod.instance.directory(root))
    names = [container.name for container in pod.containers]
    # Nothing is called ready without having been asked.
    checks = checks_for(pod.instance, names, record) if record else []
    missing = {check.container for check in checks if _fails(check, pod)} if record else set(names)
    containers = [
        ContainerStatus(c.name, c.image, c.state, c.state == "running" and c.name not in missing)
        for c in pod.containers
    ]
    return InstanceStatus(
        pod.instance.name,
        pod.environment,
        pod.name,
        record.url if record else "",
        _state(pod, containers),
        containers,
        _slurm(pod.instance) if "slurm" in names else None,
    )


def _fails(check: Check, pod: PodState) -> bool:
    running = any(c.name == check.container and c.state == "running" for c in pod.containers)
    return not running or check.probe() != ""


def _state(pod: PodState, containers: list[ContainerStatus]) -> str:
    if not any(container.state == "running" for container in containers):
        return "down"
    if all(container.ready for container in containers):
        return "ready"
    return "starting" if time.time() - pod.created < DEADLINE_S else "degraded"


def _down(instance: Instance) -> InstanceStatus:
    return InstanceStatus(instance.name, "", instance.pod, "", "down", [], None)


def _slurm(instance: Instance) -> SlurmStatus | None:
    nodes = _ask(instance, ["sinfo", "--noheader", "--Node", f"--format={NODE_FORMAT}"], NODE_FIELDS)
    jobs = _ask(instance, ["squeue", "--noheader", f"--format={JOB_FORMAT}"], JOB_FIELDS)
    if nodes is None or jobs is None:
        return None
    # A node is listed once for every partition that it is in.
    return SlurmStatus(list({node["name"]: node for node in nodes}.values()), jobs)


def _ask(instance: Instance, command: list[str], fields: tuple[str, ...]) -> list[dict[str, str]] | None:
    done = attempt("exec", instance.container("slurm"), *command, timeout_s=20)
    if done.status != 0:
        return None
    return [dict(zip(fields, line.split("|"), strict=True)) for line in done.stdout.splitlines() if line]


def _parts(one: InstanceStatus) -> list[Table | Text]:
    heading = Text.assemble((one.instance, "bold"), f"  {one.env}  {one.state}  {one.url}")
    parts: list[Table | Text] = [heading]
    if one.containers:
        parts.append(
            _table("container", ("name", "state", "ready", "image"), [asdict(c) for c in one.containers])
        )
    if one.slurm:
        parts.append(_table("node", NODE_FIELDS, one.slurm.nodes))
        parts.append(_table("job", JOB_FIELDS, one.slurm.jobs) if one.slurm.jobs else Text("  no jobs"))
    return parts


def _table(
    first: str, fields: tuple[str, ...], rows: list[dict[str, object]] | list[dict[str, str]]
) -> Table:
    table = Table(box=None, padding=(0, 2))
    for number, name in enumerate(fields):
        table.add_column(first if number == 0 else name)
    for row in rows:
        table.add_row(
            *(
                "yes" if row[name] is True else "no" if row[name] is False else str(row[name])
                for name in fields
            )
        )
    return table
