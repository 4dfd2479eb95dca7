"""Titles of the hub's pages: JupyterHub calls nearly all of them "JupyterHub"."""

from __future__ import annotations

from jinja2 import pass_context
from jinja2.runtime import Context

TITLES = {
    "admin.html": "Admin",
    "home.html": "Home",
    "login.html": "Sign in",
    "logout.html": "Signed out",
    "not_running.html": "Server not running",
    "oauth.html": "Authorise",
    "spawn.html": "Start a server",
    "spawn_pending.html": "Server is starting",
    "stop_pending.html": "Server is stopping",
    "token.html": "API tokens",
}


@pass_context
def page_title(context: Context) -> str:
    """Return the title of the page that is being rendered; "JupyterHub" for a page that is not known."""
    title = TITLES.get(context.name or "")
    return f"{title} - JupyterHub" if title else "JupyterHub"
