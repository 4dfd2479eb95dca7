"""What sbatch says when it fails: a decision of Slurm's, or a failure on the way to one. Pure.

An outage must not be called a refusal, so only what is certainly a decision is one: sbatch's last word,
"Batch job submission failed: REASON", with a reason that is not about communication, or its refusal of an option.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass

MAX_SHOWN = 1500
"""Most characters of a refusal that a user is shown."""

FAILED = "Batch job submission failed: "
UNSPECIFIED = "Unspecified error"
"""The reason that Slurm gives when a site's plugin refuses; the plugin's own words stand before it."""

NO_DECISION = re.compile(
    r"unexpected message|communication (connection|shutdown)|message (send|receive) failure|unable to contact"
    r"|authentication|insane message|version|plugin initialization|can't find an address|missing socket"
    r"|unable to process|rate limit|try again|writing script|generating job cred|standby|unable to takeover"
    r"|heartbeat|internal error|presently disabled|submissions disabled|header lengths|timed out|zero bytes"
    r"|credential|token generation|database|temporarily|retry",
    re.IGNORECASE,
)
"""Reasons of slurm_errno.h (21.08 to 24.11) that are not about the job."""

SYSTEM_ERRORS = frozenset(os.strerror(number) for number in errno.errorcode)
"""What the C library says of sockets, files and memory; Slurm passes that on as a reason."""

FROM_SLURM = re.compile(r"(\w+_\w+|munge\b.*|if munged is up.*): ?", re.IGNORECASE)
"""How lines of Slurm's own functions begin (``slurm_receive_msg: …``, ``Munge encode failed: …``)."""

OPTION = re.compile(r"sbatch: (error: )?(invalid|unrecognized|unknown option|ambiguous).*", re.IGNORECASE)
"""An option that sbatch refuses before it asks the controller."""

CLI_FILTER = "cli_filter plugin terminated with error"
"""sbatch's last word when a site's plugin beside it refuses."""

HOME = re.compile(
    r"(?:unable to change directory to|[Ii]nvalid directory|chdir\(|cannot chdir to)\W*(/[^\s:)\"']*)"
)
"""sudo's and sbatch's words for a working directory that is not there or may not be entered."""

PREFIX = re.compile(r"sbatch: (?:error|fatal|warning|info): ?|sbatch: ")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Failure:
    """Why a job was not submitted, or perhaps was; nothing set: nobody knows.

    :param refusal: Slurm's, or the site's, reason; the job does not exist.
    :param home: the home directory that is not there or cannot be entered; the job does not exist.
    """

    refusal: str = ""
    home: str = ""


def failure(stderr: str) -> Failure:
    """What a failed sbatch's error output means.

    :param stderr: also that of ssh and sudo, if they are in between.
    """
    text = CONTROL.sub("", stderr.replace("\r", "\n"))
    if home := HOME.search(text):
        return Failure(home=home.group(1))
    lines = _lines_of_sbatch(text)
    reasons = [line.removeprefix(FAILED) for line in lines if line.startswith(FAILED)]
    words = [line for line in lines if not line.startswith(FAILED) and not FROM_SLURM.match(line)]
    if not reasons:
        return Failure(_local_refusal(text, words))
    if reasons[-1] == UNSPECIFIED:
        return Failure(_shown(words or [UNSPECIFIED]) if words or len(lines) == len(reasons) else "")
    if reasons[-1] in SYSTEM_ERRORS or NO_DECISION.search(reasons[-1]):
        return Failure()
    return Failure(_shown([*words, reasons[-1]]))


def _local_refusal(text: str, words: list[str]) -> str:
    """What sbatch refuses by itself, without having asked the controller."""
    if CLI_FILTER in text:
        return _shown([word for word in words if word != CLI_FILTER] or [CLI_FILTER])
    options = [PREFIX.sub("", line) for line in text.splitlines() if OPTION.fullmatch(line)]
    return "" if "sbatch: fatal:" in text else _shown(options)


def _lines_of_sbatch(text: str) -> list[str]:
    """What sbatch has written, without its prefix: from its first line on, as a site's words may have several lines."""
    lines = [line.strip() for line in text.splitlines()]
    first = next((number for number, line in enumerate(lines) if line.startswith("sbatch: ")), len(lines))
    return [PREFIX.sub("", line, count=1).strip() for line in lines[first:] if line.strip(" :")]


def _shown(lines: list[str]) -> str:
    """The lines, each once, of a bounded length in all."""
    text = "\n".join(dict.fromkeys(line for line in lines if line))
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1].rstrip() + "…"
