"""What a user may ask for when starting a server, validated in one place. Pure. Imports: names.

Every way in ends here: the form, the query string and the hub's API, whose JSON has any type anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bricsauthenticator.names import Project

MAX_NAMED = 5
"""Most unknown options that an error names."""

FIELDS = ("brics_project", "runtime", "ngpus", "partition", "reservation")

RUNTIME = re.compile(r"([0-9]{2}):([0-5][0-9]):([0-5][0-9])")
NUMBER = re.compile(r"[0-9]{1,4}")
SLURM_NAME = re.compile(r"(?!-)[A-Za-z0-9_.-]{0,64}")
"""A partition's or reservation's name, or nothing. Not beginning with a dash: never an option."""

MAX_QUOTED = 40
"""Longest piece of a user's input in a message, characters."""


class OptionsError(ValueError):
    """The options are refused; the message is for the user and says everything that is wrong with them."""


@dataclass(frozen=True)
class Limits:
    """What may be asked for, and what is given to those who do not ask."""

    max_runtime: int
    """Seconds."""
    default_runtime: str
    """``HH:MM:SS``"""
    min_ngpus: int
    max_ngpus: int
    default_ngpus: int
    partitions: tuple[str, ...] = ()
    """Those to choose from; empty: Slurm knows."""
    default_partition: str = ""
    """Empty: Slurm's default."""


@dataclass(frozen=True)
class JobOptions:
    """Validated options of one server."""

    project: Project
    runtime: str
    """``HH:MM:SS``"""
    ngpus: int
    partition: str
    """Empty: Slurm's default."""
    reservation: str
    """Empty: none."""

    def as_user_options(self) -> dict[str, str]:
        """What the hub stores, and takes for the next start without options. Valid options itself."""
        return {
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
            raise OptionsError(f"{_quoted(name)}: needs exactly one value.")
        options[name] = values[0]
    return options


def validate(options: object, projects: Mapping[str, Project], limits: Limits) -> JobOptions:
    """The options of a job from untrusted input. Absent (or null): the default, but for the project.

    :param projects: those of the user's sign-in, by key.
    :raises OptionsError: they are refused. Nothing else is raised.
    """
    if not isinstance(options, Mapping):
        raise OptionsError("The options are not an object.")
    unknown = [name for name in options if name not in FIELDS]
    problems = [f"{_quoted(name)}: there is no such option." for name in unknown[:MAX_NAMED]]
    values = {name: value for name, value in options.items() if value is not None}
    project = projects.get(key) if isinstance(key := values.get("brics_project"), str) else None
    if project is None:
        problems.append(_project_problem(values.get("brics_project"), projects))
    runtime = values.get("runtime", limits.default_runtime)
    ngpus = _number(values.get("ngpus", limits.default_ngpus))
    partition, reservation = values.get("partition", limits.default_partition), values.get("reservation", "")
    if limits.partitions and partition == "":
        partition = limits.default_partition
    problems += [
        *_runtime_problems(runtime, limits.max_runtime),
        *_ngpus_problems(ngpus, limits),
        *_partition_problems(partition, limits),
        *_name_problems("reservation", reservation),
    ]
    if problems or project is None or ngpus is None:
        raise OptionsError(" ".join(problems))
    return JobOptions(project, str(runtime), ngpus, str(partition), str(reservation))


def _project_problem(value: object, projects: Mapping[str, Project]) -> str:
    if not projects:
        return "brics_project: you have no project on this platform; sign in again."
    if value is None:
        return "brics_project: choose a project."
    return f"brics_project: {_quoted(value)} is not one of your projects."


def _runtime_problems(value: object, maximum: int) -> list[str]:
    if not isinstance(value, str) or not RUNTIME.fullmatch(value):
        return [f"runtime: {_quoted(value)} is not a time of the form HH:MM:SS."]
    if not 0 < seconds(value) <= maximum:  # to Slurm, 0 is no limit at all
        return [f"runtime: must be more than 00:00:00 and at most {clock(maximum)}."]
    return []


def _number(value: object) -> int | None:
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


def _ngpus_problems(value: int | None, limits: Limits) -> list[str]:
    if value is None or not limits.min_ngpus <= value <= limits.max_ngpus:
        return [f"ngpus: must be a whole number from {limits.min_ngpus} to {limits.max_ngpus}."]
    return []


def _partition_problems(value: object, limits: Limits) -> list[str]:
    if limits.partitions:
        known = value in limits.partitions
        return [] if known else [f"partition: must be one of {', '.join(limits.partitions)}."]
    return [] if value == limits.default_partition else _name_problems("partition", value)


def _name_problems(field: str, value: object) -> list[str]:
    if not isinstance(value, str) or not SLURM_NAME.fullmatch(value):
        return [f"{field}: {_quoted(value)} may hold letters, digits, _, . and - only, at most 64 of them."]
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
