"""The form that starts a server, as HTML. Imports: cluster, names, options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from bricsauthenticator.cluster import NOTHING_KNOWN, Cluster, Partition
from bricsauthenticator.names import Project
from bricsauthenticator.options import FIELDS, LABELS, Limits, Problem, clock, narrowed

MAX_VALUE = 100
"""Longest earlier input that is shown again, characters."""


@dataclass(frozen=True)
class Choice:
    """One of the values that a field offers."""

    value: str
    text: str


def render(
    projects: Mapping[str, Project],
    limits: Limits,
    earlier: Mapping[str, object],
    cluster: Cluster = NOTHING_KNOWN,
    is_fresh: bool = False,
    problems: Iterable[Problem] = (),
) -> str:
    """The fields of the form, without the form element, which is JupyterHub's.

    :param earlier: what the user asked for last time, or just now in vain: shown again. Untrusted.
    :param cluster: what is known of it. Untrusted.
    :param is_fresh: whether what is free in it is shown too.
    :param problems: why the user asked in vain: shown at their fields, whose values are not proposed again.
    """
    widest = _widest(limits, cluster)
    usual = cluster.partition("")
    wrong = {problem.field: problem.message for problem in problems}
    values = dict.fromkeys(FIELDS, "") | {
        "brics_project": next(iter(projects), ""),
        "runtime": widest.default_runtime,
        "ngpus": str(widest.default_ngpus),
        "partition": limits.default_partition or (usual.name if usual else ""),
    }
    values |= {name: text for name in FIELDS if name not in wrong and (text := _shown(earlier.get(name)))}
    choices = _choices(list(projects.values()), limits, cluster, is_fresh)
    shown = [name for name in FIELDS if _is_shown(name, choices, widest)]
    only = cluster.partitions[0] if len(cluster.partitions) == 1 else None
    return _template().render(
        projects=projects,
        choices=choices,
        shown=shown,
        focus=next((name for name in shown if name in wrong), next(iter(shown))),
        labels=LABELS,
        limits=widest,
        max_runtime=clock(widest.max_runtime),
        free=_free(only) if only and is_fresh else "",
        values=values,
        wrong=wrong,
    )


def _widest(limits: Limits, cluster: Cluster) -> Limits:
    """What may be asked for in one partition or another."""
    names = limits.partitions or tuple(each.name for each in cluster.partitions)
    each = [narrowed(limits, cluster, name) for name in names] or [limits]
    by_default = narrowed(limits, cluster, limits.default_partition)
    return Limits(
        max_runtime=max(one.max_runtime for one in each),
        default_runtime=by_default.default_runtime,
        min_ngpus=limits.min_ngpus,
        max_ngpus=max(one.max_ngpus for one in each),
        default_ngpus=by_default.default_ngpus,
        partitions=limits.partitions,
        default_partition=limits.default_partition,
    )


def _choices(
    projects: list[Project], limits: Limits, cluster: Cluster, is_fresh: bool
) -> dict[str, list[Choice]]:
    """The values of those fields that offer some; the others take any text, if they are shown."""
    choices = {
        "brics_project": [
            Choice(each.key, f"{each.title} ({each.key}, as {each.username})") for each in projects
        ]
    }
    if limits.partitions:
        choices["partition"] = [
            Choice(name, _described(name, cluster.partition(name), limits, is_fresh))
            for name in limits.partitions
        ]
    if not cluster.partitions:
        return choices
    usernames = [each.username for each in projects]
    choices.setdefault("partition", _partitions(limits, cluster, is_fresh))
    choices["reservation"] = _optional("None", cluster.reservations_for(usernames))
    choices["gpu_type"] = _optional("Any", cluster.gpu_types())
    choices["account"] = _optional("The usual one", cluster.accounts(usernames))
    choices["qos"] = _optional("The usual one", cluster.qos(usernames))
    return choices


def _partitions(limits: Limits, cluster: Cluster, is_fresh: bool) -> list[Choice]:
    """Those that Slurm offers, and the configured default, which it may hide."""
    offered = [
        Choice(each.name, _described(each.name, each, limits, is_fresh)) for each in cluster.partitions
    ]
    if limits.default_partition and not cluster.partition(limits.default_partition):
        return [Choice(limits.default_partition, limits.default_partition), *offered]
    has_default = limits.default_partition or cluster.partition("")
    return offered if has_default else [Choice("", "Slurm's default"), *offered]


def _optional(nothing: str, names: list[str]) -> list[Choice]:
    """Nothing, or one of the names."""
    return [Choice("", nothing), *(Choice(name, name) for name in names)]


def _is_shown(name: str, choices: Mapping[str, list[Choice]], limits: Limits) -> bool:
    """Whether there is something to choose. The project is shown in any case: it says as whom the server runs."""
    if name == "ngpus":
        return limits.max_ngpus > limits.min_ngpus
    if name in ("brics_project", "runtime"):
        return True
    if name not in choices:
        return name in ("partition", "reservation")
    # Of GPUs, accounts and QOS a single one is what Slurm gives anyway; a reservation must be asked for.
    fewest = 3 if name in ("gpu_type", "account", "qos") else 2
    return len(choices[name]) >= fewest


def _described(name: str, partition: Partition | None, limits: Limits, is_fresh: bool) -> str:
    """A partition's name, and what is known of it."""
    if partition is None:
        return name
    longest = partition.max_time
    limit = [f"at most {clock(longest)}"] if 0 < longest < limits.max_runtime else []
    facts = [*([_free(partition)] if is_fresh else []), *limit]
    return f"{name} ({', '.join(facts)})" if facts else name


def _free(partition: Partition) -> str:
    """What is free in a partition at the moment, such as ``12 of 16 GPUs free, 3 of 4 nodes free``."""
    total = sum(gpus.total for gpus in partition.gpus)
    free = sum(gpus.free for gpus in partition.gpus)
    gpus = [f"{free} of {total} GPUs free"] if total else []
    return ", ".join([*gpus, f"{partition.free_nodes} of {partition.nodes} nodes free"])


def _shown(value: object) -> str:
    """A value as text for an input field; nothing if it is not one."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > MAX_VALUE:
        return ""
    return "".join(char if char.isprintable() else " " for char in value)


@cache
def _template() -> Template:
    source = resources.files("bricsauthenticator").joinpath("options_form.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
