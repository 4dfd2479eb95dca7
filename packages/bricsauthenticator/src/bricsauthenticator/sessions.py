"""How long a sign-in counts. All of a user's credentials end with it; a running server's own token ends with its job.

The time of a user's last sign-in is in JupyterHub's column ``user_info``: no sign-in, or one that is too old, and
neither cookie nor token counts. What is stored of tokens is bounded too, whoever made them and in whichever way, by
:func:`limit_tokens`. Imports nothing of this package.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from jupyterhub import orm
from jupyterhub.utils import new_token
from sqlalchemy import event
from sqlalchemy.orm import Session

SIGNED_IN = "signed_in"
"""Key in ``user_info``: seconds since the epoch."""

HUB_CLIENT = "jupyterhub"
"""The OAuth client of tokens that come from no OAuth flow."""

SERVER_MARK = "server:"
"""``session_id`` of a server's own token begins so, and its spawner's ID follows. Users cannot set it: only tokens from
an OAuth flow, which have another client, get the session ID that a browser sends."""


def record_sign_in(orm_user: Any) -> None:
    """Note that a user has signed in just now."""
    orm_user.user_info = {**(orm_user.user_info or {}), SIGNED_IN: time.time()}


def signed_in_at(orm_user: Any) -> float | None:
    """When a user signed in last, seconds since the epoch; None if never or if signed out since."""
    at = (orm_user.user_info or {}).get(SIGNED_IN)
    return float(at) if isinstance(at, int | float) else None


def is_recent(orm_user: Any, max_age: float) -> bool:
    """Whether a user's last sign-in is at most so many seconds old."""
    at = signed_in_at(orm_user)
    # One of the future: the clock was set back, and nobody knows how old it is.
    return at is not None and -60 <= time.time() - at <= max_age


def end_access(db: Session, orm_user: Any) -> None:
    """Let no cookie, token or code of a user's count any more. Servers run on."""
    for token in list(orm_user.api_tokens):
        if not is_server_token(token):
            db.delete(token)
    db.query(orm.OAuthCode).filter_by(user_id=orm_user.id).delete()
    orm_user.user_info = {key: value for key, value in (orm_user.user_info or {}).items() if key != SIGNED_IN}
    orm_user.cookie_id = new_token()
    db.commit()


# -- tokens


def is_server_token(token: Any) -> bool:
    """Whether it is a server's own, which ends with the server's job."""
    return token.client_id == HUB_CLIENT and (token.session_id or "").startswith(SERVER_MARK)


def mark_server_token(db: Session, orm_spawner: Any, value: str) -> None:
    """Let a server's own token, which has just been made, last as long as the server."""
    token = orm.APIToken.find(db, value)
    if token is not None:
        _mark(token, orm_spawner)
        db.commit()


def revoke_server_tokens(db: Session, orm_spawner: Any) -> None:
    """Revoke a server's own tokens. JupyterHub forgets them when it is started again."""
    marked = {"user_id": orm_spawner.user_id, "session_id": f"{SERVER_MARK}{orm_spawner.id}"}
    db.query(orm.APIToken).filter_by(client_id=HUB_CLIENT, **marked).delete()
    db.commit()


def limit_tokens(db: Session, max_age: float) -> None:
    """From now on, let every user's token that is stored end with the sign-in.

    :param db: JupyterHub's session.
    :param max_age: seconds for which a sign-in counts.
    """

    def limit(session: Session, *_: Any) -> None:
        for token in (*session.new, *session.dirty):
            if isinstance(token, orm.APIToken):
                limit_token(token, max_age)

    event.listen(db, "before_flush", limit)


def limit_token(token: Any, max_age: float) -> None:
    """Let a user's token end with the sign-in in which it was made, or sooner if it does so already."""
    if token.user is None or is_server_token(token):
        return
    made = token.created or orm.APIToken.now()
    signed_in = signed_in_at(token.user)
    began = made if signed_in is None else min(made, _naive(signed_in))
    end = began + timedelta(seconds=max_age)
    if token.expires_at is None or token.expires_at > end:
        token.expires_at = end


def limit_old_tokens(db: Session, max_age: float) -> None:
    """Limit the tokens of a database that an older version, or another process, has written to."""
    running = db.query(orm.Spawner).filter(orm.Spawner.server_id.isnot(None)).all()
    for orm_spawner in running:
        _adopt_server_token(db, orm_spawner)
    marks = {f"{SERVER_MARK}{orm_spawner.id}" for orm_spawner in running}
    for token in db.query(orm.APIToken).filter(orm.APIToken.user_id.isnot(None)):
        if is_server_token(token) and token.session_id not in marks:
            db.delete(token)
        limit_token(token, max_age)
    db.commit()


def _adopt_server_token(db: Session, orm_spawner: Any) -> None:
    """Mark the token of a server that an older version has started.

    JupyterHub makes it, with this note, just before it writes down when the server was started. A user can give a
    token the same note, but cannot make it in between.
    """
    named = [
        token
        for token in orm_spawner.user.api_tokens
        if token.client_id == HUB_CLIENT and token.note == f"Server at {orm_spawner.server.base_url}"
    ]
    before = [
        t for t in named if t.session_id is None and orm_spawner.started and t.created <= orm_spawner.started
    ]
    if before and not any(is_server_token(token) for token in named):
        _mark(max(before, key=lambda token: token.created), orm_spawner)


def _mark(token: Any, orm_spawner: Any) -> None:
    token.session_id = f"{SERVER_MARK}{orm_spawner.id}"
    token.expires_at = None


def _naive(seconds: float) -> datetime:
    """A time as JupyterHub's database has it: UTC, without saying so."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
