"""Keeps secrets out of the hub's logs: formatters that remove them from the finished line, its traceback included.

By value where the value is known (:func:`know`), by form otherwise: a name that says "secret" with a value behind it, a
header, a parameter of an address, and what tokens of JupyterHub, OAuth and OpenID look like.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
import traceback
from typing import Any
from urllib.parse import quote, quote_plus

from jupyterhub.log import CoroutineLogFormatter

REDACTED = "[redacted]"
SHORTEST = 6
"""A known value of fewer characters is not looked for: it would be found in everything."""
MOST_ISSUED = 100_000
"""So many tokens are remembered; the oldest are forgotten first."""

QUOTED = r"""b?(?P<{q}>\\*["'])(?:(?!(?P={q}))(?:\\.|.))*(?P={q})?"""
"""A string as Python or JSON writes it; its closing quote is escaped as often as the opening one."""
EQUALS = r"""(?:\\*["']\s*[:=,]|\s*(?:=|:|%3A|%3D|%253A|%253D))\s*"""
"""What stands between a name and its value, in an address that is quoted in another one too."""
BARE = r"""(?:(?!%26|%2526)[^\s'",;&)}\]])+"""
"""A value without quotes."""
NO_VALUE = r"""(?!\d{1,5}\]|\{\s*["'}]|\[(?:redacted|secret)\])"""
"""What is none: the line of a module (``xsrf_utils:42]``), an object, what is redacted already."""

HEADER = r"(?:proxy-)?authorization|x[-_]auth[-_]id[-_]token|(?:set-)?cookie|x[-_]xsrftoken"
NAME = (
    r"(?:token|secret|passw(?:or)?d|passphrase|crypt_?key|api_?key|private_?key|session[-_]?id|cookie_?id|xsrf"
    r"|code_verifier)\w{0,40}(?:\[\d{0,9}\])?"
)
"""What the name of a secret ends in."""
PARAMETER = r"code|state|nonce|sig|signature|assertion|id_token_hint|logout_token|key|auth"

FORMS = [
    re.compile(form, re.IGNORECASE | re.DOTALL)
    for form in (
        r"()-----BEGIN [A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END [A-Z ]*PRIVATE[ ]KEY-----|\Z)",
        rf"(\b(?:{HEADER}){EQUALS}){NO_VALUE}(?:{QUOTED.format(q='q1')}|[^\r\n]+)",
        rf"({NAME}{EQUALS}){NO_VALUE}(?:{QUOTED.format(q='q2')}|\[[^\]]{{0,4000}}\]?|{BARE})",
        # `code: 404` is a status; as a member of an object or a parameter of an address it opens doors.
        rf"([\"'](?:{PARAMETER}){EQUALS}){QUOTED.format(q='q3')}",
        rf"((?:[?&;]|%3F|%26|%253F|%2526)(?:{PARAMETER})(?:=|%3D|%253D)){NO_VALUE}{BARE}",
        r"(\bcode\b\W{1,3})[A-Za-z0-9_-]{16,}",
        r"(\b(?:token|bearer|basic)\s+)(?=\S*\d)[\w.~+/=-]{8,}",
        r"(/authorizations/(?:token|cookie)/)[^\s\"']+",
        r"(://[^\s/:@]*:)[^\s/@]+(?=@)",
    )
] + [
    re.compile(form)
    for form in (
        # A JSON object in base64, and another one after a dot: a JWT, signed or not.
        r"()(?<![\w-])e[wy][\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)*",
        # tornado's signed cookies.
        r"()\b2\|\d+:\d+\|[^\s\"';]*",
        # JupyterHub's tokens and IDs of sessions, keys and digests; then oauthlib's tokens and codes.
        r"()(?<![0-9A-Za-z])(?:[0-9a-f]{32,}|[0-9A-F]{32,})(?![0-9A-Za-z])",
        r"()(?<![\w-])(?=[A-Z0-9]*[a-z])(?=[a-z0-9]*[A-Z])(?=[A-Za-z]*\d)[A-Za-z0-9]{30}(?![\w-])",
    )
]
WORD = re.compile(r"[A-Za-z0-9_-]{16,}")

_known: set[str] = set()
_known_form = re.compile(r"(?!)")
_issued: dict[str, None] = {}


def know(*values: str | bytes) -> None:
    """Never write these values from now on, however they are encoded.

    :param values: strings or bytes; empty and very short ones are left out.
    """
    global _known_form
    for value in values:
        _known.update(form for form in _forms(value) if len(form) >= SHORTEST)
    # The longest first: one may be within another.
    _known_form = re.compile(
        "|".join(map(re.escape, sorted(_known, key=len, reverse=True))) or r"(?!)", re.IGNORECASE
    )


def _forms(value: str | bytes) -> set[str]:
    """A value as it can occur in a log."""
    if isinstance(value, bytes):
        encoded = [value.hex(), base64.b64encode(value).decode(), base64.urlsafe_b64encode(value).decode()]
        return {
            repr(value)[2:-1],
            *encoded,
            *(text.rstrip("=") for text in encoded),
            *_forms(value.decode("latin-1")),
        }
    once = {
        value,
        repr(value)[1:-1],
        json.dumps(value)[1:-1],
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
    }
    once |= {base64.b64encode(value.encode(errors="replace")).decode().rstrip("=")}
    return once | {quote(form, safe="") for form in once}


def know_issued(value: str) -> None:
    """Never write a token that was just made: one word."""
    _issued[value] = None
    if len(_issued) > MOST_ISSUED:
        del _issued[next(iter(_issued))]


def redact(text: str) -> str:
    """A text without its secrets."""
    text = _known_form.sub(REDACTED, text)
    text = WORD.sub(lambda word: REDACTED if word.group() in _issued else word.group(), text)
    for form in FORMS:
        text = form.sub(rf"\1{REDACTED}", text)
    return text


class PlainFormatter(logging.Formatter):
    """For files."""

    def format(self, record: logging.LogRecord) -> str:
        """The finished lines, without secrets."""
        return redact(super().format(record))


class ConsoleFormatter(CoroutineLogFormatter):  # type: ignore[misc]
    """JupyterHub's own, for its output."""

    def format(self, record: logging.LogRecord) -> str:
        """The finished lines, without secrets."""
        return redact(super().format(record))


def watch() -> None:
    """See to it that nothing gets past the formatters, and take note of every token that JupyterHub makes."""
    from jupyterhub import orm
    from sqlalchemy import event

    # It would print the unredacted record.
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    sys.excepthook = lambda *error: sys.stderr.write(redact("".join(traceback.format_exception(*error))))
    event.listen(orm.OAuthCode.code, "set", lambda _, code, *__: know_issued(code))
    stored = orm.Hashed.token

    # The database has its digest only.
    def store(hashed: Any, token: str) -> None:
        know_issued(token)
        stored.fset(hashed, token)

    orm.Hashed.token = property(stored.fget, store)
