"""Layer of jupyterhub_config.py: sign-in by a form for the users of dev_users. For development only.

Any ``<USER>`` of dev_users signs in with the shared password; an empty name is the first one. auth_state is what an
ID token would give, with the portal ``brics``.
"""

import hmac
from pathlib import Path

from jupyterhub.auth import Authenticator

c = get_config()  # noqa: F821

PORTAL = "brics"


def projects_by_user(dev_users):
    """The users of a dev_users file, in its order, each with an auth_state as a token would give it.

    :param dev_users: the file's text, validated before it came here.
    :returns: ``{"<USER>": {"<PROJECT>.brics": {"name": "Project <PROJECT>", "username": "<USER>.<PROJECT>"}}}``
    """
    users = {}
    for line in dev_users.splitlines():
        account = line.split("#", 1)[0].strip()
        if account:
            user, project = account.split(".")
            users.setdefault(user, {})[f"{project}.{PORTAL}"] = {
                "name": f"Project {project}",
                "username": account,
            }
    return users


class DevUsersAuthenticator(Authenticator):
    """Lets the users of dev_users in, who share one password."""

    async def authenticate(self, handler, data):
        """The user's name and projects, or None, which shows the form again with a message."""
        users = projects_by_user(Path("/etc/brics/dev_users/dev_users").read_text())
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
