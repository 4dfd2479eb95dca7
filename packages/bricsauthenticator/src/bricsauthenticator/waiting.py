"""Why jobs wait, in plain words, and where in the queue they are. Pure; imports nothing of this package."""

from __future__ import annotations

import re
from dataclasses import dataclass

QUEUE_FORMAT = "%i@%P@%r@%S"
"""squeue's format of :func:`parse_queue`'s lines; with ``SLURM_TIME_FORMAT=%s`` the last is in seconds since 1970."""

ROW = re.compile(
    r"(?P<job_id>[1-9][0-9]{0,9})(?:_\S*)?@(?P<partition>[^@]*)@(?P<reason>[^@]*)@(?P<start>[^@]*)"
)

SECONDS = re.compile(r"[0-9]{1,12}")

WORDS = {
    "Resources": "the resources that it needs are in use",
    "Priority": "other jobs come before it",
    "ReqNodeNotAvail": "the nodes that it needs are not available at the moment",
    "Reservation": "its reservation has not begun, or is in use",
    "ReservationDeleted": "its reservation no longer exists",
    "PartitionDown": "the partition takes no jobs at the moment",
    "PartitionInactive": "the partition is closed at the moment",
    "PartitionNodeLimit": "it asks for more nodes than the partition gives to a job",
    "PartitionTimeLimit": "it asks for more time than the partition gives to a job",
    "NodeDown": "a node that it needs is down",
    "BeginTime": "its start time has not been reached",
    "Dependency": "it waits for another job to end",
    "Licenses": "the licences that it needs are in use",
    "JobHeldUser": "it is held back by its user",
    "JobHeldAdmin": "it is held back by an administrator",
    "InvalidAccount": "its Slurm account is not valid",
    "InvalidQOS": "its quality of service is not valid",
    "AccountNotAllowed": "its account may not use the partition",
    "QOSNotAllowed": "its quality of service may not use the partition",
    "Cleaning": "what an earlier run left is being cleaned up",
    "Prolog": "its node is being prepared",
}
"""Slurm's reason (squeue(1), JOB REASON CODES) → after "the job waits: "."""

LIMITED = re.compile(r"(?P<whose>Assoc|QOS)(?P<which>Grp|Max)?(?P<what>[A-Za-z]*)")
"""Reasons such as AssocGrpGRES and QOSMaxJobsPerUserLimit, of which there are a hundred."""

ALONE = frozenset({"BeginTime", "Dependency", "JobHeldUser", "JobHeldAdmin"})
"""Whoever waits for such a reason is in nobody's way."""


@dataclass(frozen=True)
class Waiting:
    """A job that waits.

    :param reason: Slurm's word; empty: none.
    :param place: from 1 on, among those that wait for the partition; 0: it is not known.
    :param waiting: how many wait for the partition.
    :param start: when Slurm expects it to start, seconds since 1970; 0: Slurm does not say.
    """

    reason: str
    place: int
    waiting: int
    start: float


def parse_queue(output: str) -> dict[str, Waiting]:
    """The jobs that wait, by ID, in an answer of ``squeue --sort=-p -o QUEUE_FORMAT``.

    Lines of another form, such as greetings, are left out.
    """
    rows = [found for line in output.splitlines() if (found := ROW.fullmatch(line.strip()))]
    total: dict[str, int] = {}
    places: list[int] = []
    for row in rows:
        if row["reason"] not in ALONE:
            total[row["partition"]] = total.get(row["partition"], 0) + 1
        places.append(0 if row["reason"] in ALONE else total[row["partition"]])
    return {
        row["job_id"]: Waiting(
            reason="" if row["reason"] in ("None", "(null)") else row["reason"],
            place=place,
            waiting=total.get(row["partition"], 0),
            start=float(row["start"]) if SECONDS.fullmatch(row["start"]) else 0.0,
        )
        for row, place in zip(rows, places, strict=True)
    }


def in_words(reason: str) -> str:
    """A reason of Slurm's in plain words, with Slurm's own in brackets; empty if there is none."""
    # Slurm names nodes behind some of them: "ReqNodeNotAvail, UnavailableNodes:n1".
    word = re.split(r"[,\s(]", reason, maxsplit=1)[0]
    if not word:
        return ""
    limit = LIMITED.match(word)
    if word in WORDS:
        plain = WORDS[word]
    elif limit and limit["whose"] == "Assoc":
        plain = "the project has reached its limit on resources in use"
    elif limit:
        plain = "its quality of service allows no more at a time"
    else:
        return f"Slurm says {reason}"
    return f"{plain} ({reason})"
