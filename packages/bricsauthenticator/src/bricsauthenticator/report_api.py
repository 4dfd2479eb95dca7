"""Where the launcher reports from its job: in place of batchspawner's ``POST /hub/api/batchspawner``.

batchspawner's own handler sets whatever attribute of the spawner the request names. The request comes with a
token that the server's user can read, so the user could set the commands that the hub runs next. This handler
takes the fields of a :class:`Report` and nothing else. The first handler of a path serves it: this one is put before
batchspawner's.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

import batchspawner  # noqa: F401 (registers its handler: ours must come later)
from jupyterhub import orm
from jupyterhub.apihandlers import APIHandler, default_handlers
from tornado import web

PATH = r"/api/batchspawner"

MARK = re.compile(r"[0-9a-f]{1,64}")
JOB_ID = re.compile(r"[0-9]{0,10}")
MAX_TEXT = 8000
"""Most characters of a report's texts."""

FIELDS: dict[str, frozenset[str]] = {
    "started": frozenset(),
    "imported": frozenset(),
    "listening": frozenset({"port"}),
    "ended": frozenset({"status", "log", "home"}),
}
"""Stage → what its report may hold besides mark, job and stage."""


class Verdict(Enum):
    """The answer to a report."""

    ACCEPTED = 200
    REFUSED = 403
    """The job is not, or no longer, one of the hub's: it must end."""
    LATER = 409
    """It is not known yet whose job it is: report again."""


@dataclass(frozen=True)
class Report:
    """What a launcher says.

    :param status: the server's exit status; negative: the signal that ended it.
    :param log: the last lines of the job's log.
    :param home: what is wrong with the home directory.
    """

    mark: str
    job: str
    stage: str
    port: int = 0
    status: int = 0
    log: str = ""
    home: str = ""


def parse(body: Any) -> Report:
    """The report in a request's body.

    :raises ValueError: it is none.
    """
    if not isinstance(body, dict) or not isinstance(body.get("stage"), str) or body["stage"] not in FIELDS:
        raise ValueError("the body must be an object with mark, job and stage")
    allowed = FIELDS[body["stage"]]
    if not {"mark", "job", "stage"} <= body.keys() <= {"mark", "job", "stage", *allowed}:
        raise ValueError(f"a report of this stage has mark, job and stage, and may have {sorted(allowed)}")
    if not all(isinstance(body.get(name, ""), str) for name in ("mark", "job", "log", "home")):
        raise ValueError("mark, job, log and home are text")
    if not all(type(body.get(name, 0)) is int for name in ("port", "status")):
        raise ValueError("port and status are numbers")
    if not MARK.fullmatch(body["mark"]) or not JOB_ID.fullmatch(body["job"]):
        raise ValueError("not a mark, or not a job ID")
    if "port" in allowed and not 1 <= body.get("port", 0) <= 65535:
        raise ValueError("not a port")
    texts = {name: body[name][-MAX_TEXT:] for name in ("log", "home") if name in body}
    return Report(**{**body, **texts})


class ReportHandler(APIHandler):  # type: ignore[misc]
    """Takes a job's report; the token is that of its server."""

    async def post(self) -> None:
        """Body: a :class:`Report`. A refusal is 403 with ``"refused": true``, and ends the job.

        :raises tornado.web.HTTPError: 400 not a report; 500 the database does not answer.
        """
        try:
            report = parse(self.get_json_body())
        except ValueError as error:
            raise web.HTTPError(400, str(error)) from None
        verdict = self._verdict(report)
        if verdict is Verdict.REFUSED:
            self.log.warning("Job %s with the mark %s is none of the hub's: it ends", report.job, report.mark)
        self.set_status(verdict.value)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"status": verdict.value, "refused": verdict is Verdict.REFUSED}))

    def _verdict(self, report: Report) -> Verdict:
        token = self.get_auth_token() or ""
        # Not current_user: that is nobody, too, while the database is locked or when the user must sign in again.
        known = orm.APIToken.find(self.db, token) if token else None
        if known is None or known.user is None:
            return Verdict.REFUSED
        for spawner in self.users[known.user].spawners.values():
            if getattr(spawner, "mark", "") == report.mark and _belongs(token, spawner):
                verdict: Verdict = spawner.take_report(report)
                return verdict
        return Verdict.REFUSED


def _belongs(token: str, spawner: Any) -> bool:
    """Whether it is the server's token. A hub that was restarted no longer has that of a running server."""
    return not spawner.api_token or hmac.compare_digest(spawner.api_token.encode(), token.encode())


def register() -> None:
    """Put the handler before batchspawner's, once."""
    if (PATH, ReportHandler) not in default_handlers:
        default_handlers.insert(0, (PATH, ReportHandler))
