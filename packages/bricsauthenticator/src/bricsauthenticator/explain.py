"""What users are told when a server does not start: errors whose message the hub shows. Imports: report_api."""

from __future__ import annotations

from tornado import web

from bricsauthenticator.report_api import Report

MAX_LINES = 20
MAX_LOG = 2000
"""Most lines and characters of a job's log in a message."""


def refusal(status: int, message: str, private: str = "") -> web.HTTPError:
    """An error whose message the hub shows in the form, on the spawn page and in the API's answer.

    :param private: more, which is not for the hub's log.
    """
    error = web.HTTPError(status, message)
    error.jupyterhub_message = message + private  # type: ignore[attr-defined]
    return error


class JobRefused(web.HTTPError):
    """Slurm, or the site, does not want this job."""

    def __init__(self, words: str) -> None:
        """:param words: Slurm's, or the site's."""
        message = f"Slurm refused the job: {words}"
        super().__init__(400, message)
        self.jupyterhub_message = message
        self.words = words


def no_home(path: str) -> web.HTTPError:
    """The account's home is not there, or cannot be entered."""
    return refusal(500, f"The home directory {path} is not there or cannot be entered on the Slurm host.")


def unreachable() -> web.HTTPError:
    """Nobody knows what Slurm would have said."""
    return refusal(503, "Slurm cannot be reached at the moment. Please try again later.")


def long_queue(job_id: str, longest: float, reason: str) -> web.HTTPError:
    """The job has waited in the queue for as long as it may.

    :param longest: seconds.
    :param reason: Slurm's word for why it waits; empty if it is not known.
    """
    why = f" Slurm's reason: {reason}." if reason else ""
    return refusal(
        503,
        f"Job {job_id} waited in the queue for {duration(longest)}, the longest allowed, and was cancelled.{why}",
    )


def slow_start(job_id: str, longest: float) -> web.HTTPError:
    """The job runs, and its server does not listen in time.

    :param longest: seconds.
    """
    return refusal(
        503,
        f"Job {job_id} runs, but its server was not ready after {duration(longest)}: it was cancelled.\n"
        "Its log in the home directory may show why.",
    )


def duration(seconds: float) -> str:
    """A length of time in words, such as ``1 h 30 min``."""
    whole = round(seconds)
    parts = ((whole // 3600, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def ended_early(job_id: str, ending: str, end: Report | None) -> web.HTTPError:
    """The job ended before its server listened.

    :param ending: the job's state, in Slurm's words; empty if it is not known.
    :param end: what the launcher could still report.
    """
    if end is not None and end.home:
        return refusal(500, f"Job {job_id}: nothing can be written in the home directory {end.home}.")
    parts = [f"Job {job_id} ended before its server was ready"]
    if ending:
        parts.append(ending)
    if end is not None:
        parts.append(f"signal {-end.status}" if end.status < 0 else f"exit status {end.status}")
    message = f"{parts[0]}: {', '.join(parts[1:])}." if parts[1:] else f"{parts[0]}."
    if end is not None and end.log.strip():
        return refusal(500, message, f"\nThe end of its log:\n{_last_lines(end.log)}")
    return refusal(500, f"{message}\nIts log in the home directory may show why.")


def _last_lines(log: str) -> str:
    lines = "".join(c for c in log if c.isprintable() or c == "\n").strip().splitlines()
    return "\n".join(lines[-MAX_LINES:])[-MAX_LOG:]
