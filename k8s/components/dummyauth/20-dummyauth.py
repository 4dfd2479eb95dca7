"""Layer of jupyterhub_config.py: sign-in by a form for the users of dev_users. For development only.

Any ``<USER>`` of dev_users signs in with the shared password; an empty name is the first one. auth_state is what an
ID token would give, and stands in dev_users.json: ``{"<USER>": {"<PROJECT>.brics": {"name": …, "username": …}}}``.
"""

import hmac
import json
from pathlib import Path

from jupyterhub.auth import Authenticator

c = get_config()  # noqa: F821


class DevUsersAuthenticator(Authenticator):
    """Lets the users of dev_users in, who share one password."""

    async def authenticate(self, handler, data):
        """The user's name and projects, or None, which shows the form again with a message."""
        users = json.loads(Path("/etc/brics/dev_users/dev_users.json").read_text())
        password = Path("/etc/brics/deploy-secret/dummyAuthPassword").read_text()
        # Set if it is missing: JupyterHub, to show the form again, takes for granted that it is there.
        name = data.setdefault("username", "") or next(iter(users))
        given = data.get("password", "")
        if name not in users or not hmac.compare_digest(given.encode(), password.encode()):
            return None
        return {"name": name, "auth_state": users[name]}


c.JupyterHub.authenticator_class = DevUsersAuthenticator
# authenticate() refuses whoever is not in dev_users.
c.Authenticator.allow_all = True
