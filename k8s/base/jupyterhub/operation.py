"""For those who operate the hub: administrators, metrics, and what stops idle servers. Each has a role of its own."""

import sys
from collections.abc import Sequence
from pathlib import Path

from traitlets.config import Config

METRICS_TOKEN = Path("/etc/brics/metrics/token")

LONGEST_INTERVAL_S = 300
"""Seconds between two reports of a server, and between two looks for idle ones: JupyterHub's own for the former."""


def let_administrators_stop_servers(c: Config, users: Sequence[str]) -> None:
    """Give users JupyterHub's page for administrators, to see all users and servers, and to stop these.

    JupyterHub's own role ``admin`` can do everything in everybody's name: nobody has it. This one opens no server,
    makes no token and changes no user.
    """
    scopes = ["admin-ui", "list:users", "read:users:activity", "read:servers", "delete:servers"]
    description = "See all users and servers, and stop servers"
    c.JupyterHub.load_roles.append(
        {"name": "server-administrator", "description": description, "scopes": scopes, "users": users}
    )


def serve_metrics(c: Config) -> str:
    """Let Prometheus read the metrics, with a token that is good for nothing else; that token, if there is one."""
    if not METRICS_TOKEN.exists():
        return ""
    token = METRICS_TOKEN.read_text().strip()
    c.JupyterHub.services.append({"name": "prometheus", "api_token": token})
    description = "Read the hub's metrics"
    c.JupyterHub.load_roles.append(
        {
            "name": "metrics",
            "description": description,
            "scopes": ["read:metrics"],
            "services": ["prometheus"],
        }
    )
    return token


def stop_idle_servers(c: Config, idle_s: float) -> None:
    """Stop servers that nobody has used for some seconds. They say whether they are used, often enough for that."""
    interval_s = max(1, int(min(LONGEST_INTERVAL_S, idle_s / 4)))
    c.Spawner.environment.update({"JUPYTERHUB_ACTIVITY_INTERVAL": str(interval_s)})
    options = [f"--timeout={int(idle_s)}", f"--cull-every={interval_s}"]
    # While the hub was away no server could report: it looks for idle ones once all had the time for it.
    command = f'sleep {2 * interval_s + 10}; exec "$@"'
    c.JupyterHub.services.append(
        {
            "name": "idle-culler",
            "command": ["sh", "-c", command, "sh", sys.executable, "-m", "jupyterhub_idle_culler", *options],
        }
    )
    scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    description = "Find idle servers and stop them"
    c.JupyterHub.load_roles.append(
        {"name": "idle-culler", "description": description, "scopes": scopes, "services": ["idle-culler"]}
    )
