"""What a user may ask for when starting a server, validated in one place. Pure. Imports: cluster, names.

Every way in ends here: the form, the query string and the hub's API, whose JSON has any type anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bricsauthenticator.cluster import NOTHING_KNOWN, Cluster
from bricsauthenticator.names import Project

MAX_NAMED = 5
"""Most unknown options that an error names."""

LABELS = {
    "brics_project": "Project",
    "runtime": "Run time",
    "ngpus": "Number of GPUs",
    "gpu_type": "Type of GPU",
    "partition": "Partition",
    "reservation": "Reservation",
    "account": "Account",
    "qos": "Quality of service",
}
"""Option → what the form calls it."""

FIELDS = tuple(LABELS)

RUNTIME = re.compile(r"([0-9]{2}):([0-5][0-9]):([0-5][0-9])")
NUMBER = re.compile(r"[0-9]{1,4}")
SLURM_NAME = re.compile(r"(?!-)[A-Za-z0-9_.-]{0,64}")
"""A partition's or reservation's name, or nothing. Not beginning with a dash: never an option."""

MAX_QUOTED = 40
"""Longest piece of a user's input in a message, characters."""


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with an option.

    :param field: one of :data:`FIELDS`; empty: it is about none of them.
    :param message: for the user, on one line.
    """

    field: str
    message: str


class OptionsError(ValueError):
    """The options are refused; the message is for the user and says everything that is wrong with them."""

    def __init__(self, *problems: Problem) -> None:
        parts = (f"{each.field}: {each.message}" if each.field else each.message for each in problems)
        super().__init__(" ".join(parts))
        self.problems = problems

    def for_form(self) -> str:
        """The message in the form's words, a line for each problem."""
        parts = (
            f"{LABELS[each.field]}: {each.message}" if each.field else each.message for each in self.problems
        )
        return "\n".join(parts)


@dataclass(frozen=True)
class Limits:
    """What may be asked for, and what is given to those who do not ask.

    :param max_runtime: seconds.
    :param default_runtime: ``HH:MM:SS``
    :param partitions: those to choose from; empty: Slurm knows.
    :param default_partition: empty: Slurm's default.
    """

    max_runtime: int
    default_runtime: str
    min_ngpus: int
    max_ngpus: int
    default_ngpus: int
    partitions: tuple[str, ...] = ()
    default_partition: str = ""


@dataclass(frozen=True)
class JobOptions:
    """Validated options of one server.

    :param runtime: ``HH:MM:SS``
    :param partition: empty: Slurm's default; likewise ``account`` and ``qos``, unless the site has its own.
    :param reservation: empty: none.
    :param gpu_type: empty: any.
    """

    project: Project
    runtime: str
    ngpus: int
    partition: str
    reservation: str
    gpu_type: str = ""
    account: str = ""
    qos: str = ""

    def as_user_options(self) -> dict[str, str]:
        """What the hub stores, and takes for the next start without options. Valid options itself."""
        rare = {"gpu_type": self.gpu_type, "account": self.account, "qos": self.qos}
        return {name: value for name, value in rare.items() if value} | {
            "brics_project": self.project.key,
            "runtime": self.runtime,
            "ngpus": str(self.ngpus),
            "partition": self.partition,
            "reservation": self.reservation,
        }


def seconds(runtime: str) -> int:
    """The length of a time ``HH:MM:SS``, in seconds.

    :raises ValueError: it does not have that form.
    """
    match = RUNTIME.fullmatch(runtime)
    if not match:
        raise ValueError("not a time HH:MM:SS")
    hours, minutes, rest = (int(group) for group in match.groups())
    return hours * 3600 + minutes * 60 + rest


def from_form(form: Mapping[str, object]) -> dict[str, object]:
    """The options of a submitted form, whose values are lists of strings.

    :raises OptionsError: a field occurs more than once.
    """
    options: dict[str, object] = {}
    for name, values in form.items():
        if not isinstance(values, list) or len(values) != 1:
            raise OptionsError(_named(name, "needs exactly one value."))
        options[name] = values[0]
    return options


def narrowed(limits: Limits, cluster: Cluster, partition: str, gpu_type: str = "") -> Limits:
    """The limits in a partition: those of the configuration, and Slurm's where they are known and stricter."""
    found = cluster.partition(partition)
    if found is None:
        return limits
    # A server has one node. A minimum that no node has is the administrator's mistake, for Slurm to refuse.
    there = found.most_of(gpu_type) if found.nodes else limits.max_ngpus
    most = max(min(limits.max_ngpus, there), limits.min_ngpus)
    longest = min(limits.max_runtime, found.max_time or limits.max_runtime)
    return replace(
        limits,
        max_ngpus=most,
        default_ngpus=min(limits.default_ngpus, most),
        max_runtime=longest,
        default_runtime=clock(min(seconds(limits.default_runtime), longest)),
    )


def validate(
    options: object, projects: Mapping[str, Project], limits: Limits, cluster: Cluster = NOTHING_KNOWN
) -> JobOptions:
    """The options of a job from untrusted input. Absent (or null): the default, but for the project.

    :param projects: those of the user's sign-in, by key.
    :param cluster: what is known of it.
    :raises OptionsError: they are refused. Nothing else is raised.
    """
    if not isinstance(options, Mapping):
        raise OptionsError(Problem("", "The options must be a JSON object."))
    unknown = [name for name in options if name not in FIELDS]
    problems = [_named(name, "there is no such option.") for name in unknown[:MAX_NAMED]]
    values = {name: value for name, value in options.items() if value is not None}
    project = projects.get(key) if isinstance(key := values.get("brics_project"), str) else None
    if project is None:
        problems.append(_project_problem(values.get("brics_project"), projects))
    partition = values.get("partition", limits.default_partition)
    if limits.partitions and partition == "":
        partition = limits.default_partition
    names = {name: values.get(name, "") for name in ("reservation", "gpu_type", "account", "qos")}
    texts = (value if isinstance(value, str) else "" for value in (partition, names["gpu_type"]))
    limits = narrowed(limits, cluster, *texts)
    runtime = values.get("runtime", limits.default_runtime)
    ngpus = _number(values.get("ngpus", limits.default_ngpus))
    problems += [
        *_runtime_problems(runtime, limits.max_runtime),
        *_ngpus_problems(ngpus, limits),
        *_partition_problems(partition, limits),
        *(problem for name, value in names.items() for problem in _name_problems(name, value)),
    ]
    if project is not None and not problems:
        problems += _choice_problems(names, str(partition), project, cluster)
    if problems or project is None or ngpus is None:
        raise OptionsError(*problems)
    return JobOptions(project, str(runtime), ngpus, str(partition), **names)


def _choice_problems(
    names: Mapping[str, str], partition: str, project: Project, cluster: Cluster
) -> list[Problem]:
    """Names that Slurm does not have, where it has said which it has."""
    found = cluster.partition(partition)
    known = {
        "gpu_type": [gpus.type for gpus in found.gpus if gpus.type] if found else [],
        "account": cluster.accounts([project.username]),
        "qos": cluster.qos([project.username]),
    }
    return [
        Problem(name, f"must be one of {', '.join(choices)}.")
        for name, choices in known.items()
        if choices and names[name] and names[name] not in choices
    ]


SLURM_WORDS = {
    "reservation": re.compile(r"\breservation\b", re.IGNORECASE),
    "account": re.compile(r"\binvalid account\b", re.IGNORECASE),
    "qos": re.compile(r"\bqos\b", re.IGNORECASE),
    "partition": re.compile(r"\bpartition\b", re.IGNORECASE),
    "runtime": re.compile(r"\btime limit\b", re.IGNORECASE),
    "gpu_type": re.compile(r"\bgres\b|generic resource|node configuration", re.IGNORECASE),
    "ngpus": re.compile(r"\bgres\b|generic resource|node configuration", re.IGNORECASE),
}
"""Option → what Slurm's reasons say of it (slurm_errno.c); the first counts whose option was chosen."""


def problem_of_slurm(words: str, chosen: Mapping[str, str]) -> Problem | None:
    """What Slurm's refusal says of an option that was chosen; None if it is about none, or not to be told which.

    :param words: of which the last line is Slurm's own reason; others may be a site's.
    """
    reason = words.rpartition("\n")[2]
    found = (name for name, about in SLURM_WORDS.items() if chosen.get(name) and about.search(reason))
    name = next(found, None)
    return Problem(name, f"Slurm does not take {_quoted(chosen[name])}: {reason}.") if name else None


def _named(name: object, message: str) -> Problem:
    """A problem with an option by whatever name it came."""
    return Problem(str(name), message) if name in FIELDS else Problem("", f"{_quoted(name)}: {message}")


def _project_problem(value: object, projects: Mapping[str, Project]) -> Problem:
    if not projects:
        return Problem("brics_project", "you have no project on this platform; sign in again.")
    if value is None:
        return Problem("brics_project", "choose a project.")
    return Problem("brics_project", f"{_quoted(value)} is not one of your projects.")


def _runtime_problems(value: object, maximum: int) -> list[Problem]:
    if not isinstance(value, str) or not RUNTIME.fullmatch(value):
        return [Problem("runtime", f"{_quoted(value)} is not a time of the form HH:MM:SS.")]
    if not 0 < seconds(value) <= maximum:  # to Slurm, 0 is no limit at all
        return [Problem("runtime", f"must be more than 00:00:00 and at most {clock(maximum)}.")]
    return []


def _number(value: object) -> int | None:
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


def _ngpus_problems(value: int | None, limits: Limits) -> list[Problem]:
    if value is None or not limits.min_ngpus <= value <= limits.max_ngpus:
        span = f"from {limits.min_ngpus} to {limits.max_ngpus}"
        return [Problem("ngpus", f"must be a whole number {span}.")]
    return []


def _partition_problems(value: object, limits: Limits) -> list[Problem]:
    if limits.partitions:
        known = value in limits.partitions
        return [] if known else [Problem("partition", f"must be one of {', '.join(limits.partitions)}.")]
    return [] if value == limits.default_partition else _name_problems("partition", value)


def _name_problems(field: str, value: object) -> list[Problem]:
    if not isinstance(value, str) or not SLURM_NAME.fullmatch(value):
        allowed = "letters, digits, _, . and - only, at most 64 of them"
        return [Problem(field, f"{_quoted(value)} may hold {allowed}.")]
    return []


def clock(length: int) -> str:
    """Seconds as ``HH:MM:SS``."""
    return f"{length // 3600:02}:{length // 60 % 60:02}:{length % 60:02}"


def _quoted(value: object) -> str:
    """A piece of input for a message: short, on one line, in ASCII."""
    if not isinstance(value, str):
        return f"a value of type {type(value).__name__}"
    text = value if len(value) <= MAX_QUOTED else value[:MAX_QUOTED] + "..."
    return ascii(text)
