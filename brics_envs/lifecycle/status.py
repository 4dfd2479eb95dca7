"""``invoke status``: what is up. May import: errors, plan, effects, lifecycle.

The JSON form is part of the contract::

    {"instances": [{"instance", "env", "pod", "url", "state",
                    "containers": [{"name", "image", "state", "ready"}], "slurm": {"nodes": …, "jobs": …}}]}

``state`` is ``ready``, ``starting`` (still within the time that readiness may take), ``degraded`` or ``down``.
``slurm`` is null where Slurm runs elsewhere or does not answer.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from brics_envs.effects.at_once import at_once
from brics_envs.effects.containers import execute
from brics_envs.effects.images import facts_of
from brics_envs.effects.podman import require_podman
from brics_envs.lifecycle.live import hub_problem
from brics_envs.lifecycle.observe import PodState, observe_pods, observe_record
from brics_envs.lifecycle.ready import DEADLINE_S, Check, checks_for
from brics_envs.lifecycle.sources import load_sources, running_sources
from brics_envs.plan.image_facts import ImageFacts
from brics_envs.plan.names import Instance
from brics_envs.plan.sources import LIVE, changes

NODE_FIELDS = ("name", "state", "cpus", "gres")
NODE_FORMAT = "%n|%T|%c|%G"
JOB_FIELDS = ("id", "user", "name", "state", "node")
JOB_FORMAT = "%i|%u|%j|%T|%N"
QUESTIONS = (
    (("sinfo", "--noheader", "--Node", f"--format={NODE_FORMAT}"), NODE_FIELDS),
    (("squeue", "--noheader", f"--format={JOB_FORMAT}"), JOB_FIELDS),
)
"""What Slurm is asked: a command, and what the columns of its answer are."""

CONTRACT = ("instance", "env", "pod", "url", "state", "containers", "slurm")
"""The keys of an instance in the JSON form."""


PIPE_WIDTH = 200
"""Columns of the table where there is no terminal."""


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
    """An instance; ``--json`` shows what the contract names, and the table all of it.

    ``images`` is container → what its image is, ``sources`` what → where it comes from, ``next_up`` what the next `up`
    takes from elsewhere, ``problem`` why the present code of a live package is not live.
    """

    instance: str
    env: str
    pod: str
    url: str
    state: str
    containers: list[ContainerStatus]
    slurm: SlurmStatus | None
    images: dict[str, ImageFacts] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    next_up: list[str] = field(default_factory=list)
    problem: str = ""


def status(root: Path, instance: Instance | None) -> list[InstanceStatus]:
    """What is up: of one instance, or of all that have a pod."""
    require_podman()
    pods = observe_pods()
    if instance is None:
        return [_status(root, pod) for pod in pods]
    own = [pod for pod in pods if pod.instance == instance]
    return [_status(root, pod) for pod in own] or [_down(instance)]


def _as_json(statuses: list[InstanceStatus]) -> dict[str, object]:
    """The statuses in the contract's JSON form."""
    return {"instances": [{key: asdict(one)[key] for key in CONTRACT} for one in statuses]}


def _as_table(statuses: list[InstanceStatus]) -> Group:
    """The statuses for reading."""
    return Group(*(part for one in statuses for part in _parts(one))) if statuses else Group("nothing is up")


def show(statuses: list[InstanceStatus], *, as_json: bool) -> None:
    """Print the statuses, in the contract's JSON form or for reading."""
    if as_json:
        print(json.dumps(_as_json(statuses), indent=2))
    else:
        # A pipe has no width: nothing is cut off there.
        width = None if sys.stdout.isatty() else PIPE_WIDTH
        Console(soft_wrap=True, highlight=False, width=width).print(_as_table(statuses))


def _status(root: Path, pod: PodState) -> InstanceStatus:
    record = observe_record(pod, pod.instance.directory(root))
    names = [container.name for container in pod.containers]
    # Nothing is called ready without having been asked; all at once, as one that hangs keeps nobody else waiting.
    checks = checks_for(pod.instance, names, record) if record else []
    fails = at_once(lambda check: _fails(check, pod), checks)
    failed = {check.container for check, failing in zip(checks, fails, strict=True) if failing}
    missing = failed if record else set(names)
    containers = [
        ContainerStatus(c.name, c.image, c.state, c.state == "running" and c.name not in missing)
        for c in pod.containers
    ]
    facts = facts_of({c.image_id for c in pod.containers})
    sources, next_up = _sources(root, pod.instance)
    return InstanceStatus(
        pod.instance.name,
        pod.environment,
        pod.name,
        record.url if record else "",
        _state(pod, containers),
        containers,
        _slurm(pod.instance) if "slurm" in names else None,
        {c.name: facts[c.image_id] for c in pod.containers if c.image_id in facts},
        sources,
        next_up,
        hub_problem(pod.instance) if sources.get("bricsauthenticator", "").endswith(LIVE) else "",
    )


def _sources(root: Path, instance: Instance) -> tuple[dict[str, str], list[str]]:
    """What the pod was made of, and what the next `up` takes from elsewhere, after one that failed."""
    directory = instance.directory(root)
    running = running_sources(directory, instance)
    if running is None:
        return {}, []
    return running.words(), changes(running, load_sources(directory, instance, running.stage))


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
    nodes, jobs = at_once(lambda question: _ask(instance, *question), QUESTIONS)
    if nodes is None or jobs is None:
        return None
    # A node is listed once for every partition that it is in.
    return SlurmStatus(list({node["name"]: node for node in nodes}.values()), jobs)


def _ask(
    instance: Instance, command: tuple[str, ...], fields: tuple[str, ...]
) -> list[dict[str, str]] | None:
    done = execute(instance.container("slurm"), *command, timeout_s=20)
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
    now = datetime.now(UTC)
    parts += [Text(f"  image of {name}: {facts.words(now)}") for name, facts in one.images.items()]
    parts += [Text(f"  {what}: {where}") for what, where in one.sources.items()]
    if one.problem:
        parts.append(
            Text("  bricsauthenticator: the current code is not live, the hub runs an older version:")
        )
        parts += [Text(f"    {line}") for line in one.problem.splitlines()]
    parts += [Text(f"  with the next `invoke up`: {line}") for line in one.next_up]
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
