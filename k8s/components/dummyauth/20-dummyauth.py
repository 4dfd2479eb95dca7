"""Fragment of jupyterhub_config.py: sign-in by a form for the users of dev_users. For development only.

Any ``<USER>`` of dev_users signs in with the shared password; an empty name is the first one. auth_state is what an
ID token would give, and stands in dev_users.json: ``{"<USER>": {"<PROJECT>.brics": {"name": …, "username": …}}}``.
"""

from __future__ import annotations

import hmac
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyterhub.auth import Authenticator

if TYPE_CHECKING:
    from traitlets.config.application import get_config

Users = dict[str, dict[str, dict[str, str]]]

c = get_config()


def dev_users() -> Users:
    """The users, in their order."""
    users: Users = json.loads(Path("/etc/brics/dev_users/dev_users.json").read_text())
    return users


class DevUsersAuthenticator(Authenticator):  # type: ignore[misc]
    """Lets the users of dev_users in, who share one password."""

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        """The user's name and projects, or None, which shows the form again with a message."""
        users = dev_users()
        password = Path("/etc/brics/deploy-secret/dummyAuthPassword").read_text()
        # Set if it is missing: JupyterHub, to show the form again, takes for granted that it is there.
        name = data.setdefault("username", "") or next(iter(users))
        given = data.get("password", "")
        if name not in users or not hmac.compare_digest(given.encode(), password.encode()):
            return None
        return {"name": name, "auth_state": users[name]}

    async def refresh_user(self, user: Any, handler: Any = None) -> dict[str, Any] | bool:
        """The user's projects as dev_users has them now; False, if it no longer has the user."""
        users = dev_users()
        return {"name": user.name, "auth_state": users[user.name]} if user.name in users else False


c.JupyterHub.authenticator_class = DevUsersAuthenticator
# authenticate() refuses whoever is not in dev_users.
c.Authenticator.allow_all = True
# What dev_users no longer has gets no further with a cookie or a token.
c.Authenticator.auth_refresh_strict = True
c.Authenticator.refresh_pre_spawn = True
