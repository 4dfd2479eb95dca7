"""Whether the tunnel is open through which an instance's users come. May import: plan, effects, lifecycle.observe."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from brics_envs.effects.containers import execute
from brics_envs.lifecycle.observe import observe_pod
from brics_envs.plan.names import NADIR_CONTAINER, TUNNELS, ZENITH_CONTAINER, Instance

STEADY_S = 3.0
"""Seconds after which a Zenith client that runs still has been let in."""

NADIR_STATE = "/tmp/state"  # noqa: S108 - of its container
"""Where Nadir's client (k8s/components/nadir) writes ``open``, or why it is not."""

NADIR_REFUSALS = {
    "Host key verification failed": "the server's host key is not the one in ssh_nadir_known_hosts",
    "Permission denied (publickey": "the server does not let nadir in with ssh_nadir_key",
}
"""ssh's messages that no waiting changes, and what they mean here."""

NADIR_MEANINGS = {
    **NADIR_REFUSALS,
    "remote port forwarding failed": "the server does not forward its port 8000: another has it, or it may not",
    "Could not resolve hostname": "the server in nadir_config cannot be found",
}


@dataclass(frozen=True)
class Tunnel:
    """How to see that a tunnel is open: ``missing`` says what is not there, ``hopeless`` when not to wait for it."""

    name: str
    missing: Callable[[Instance], str]
    hopeless: tuple[str, ...] = ()


def zenith_missing(instance: Instance) -> str:
    """What keeps Zenith's client from running; one that is not let in ends, and is started again."""
    pod = observe_pod(instance)
    client = next((c for c in pod.containers if c.name == ZENITH_CONTAINER), None) if pod else None
    if client and client.state == "running" and time.time() - client.started > STEADY_S:
        return ""
    return f"its client is {client.state if client else 'not there'}"


def nadir_missing(instance: Instance) -> str:
    """What keeps Nadir's server from forwarding its port to the pod, as the client tells it."""
    done = execute(instance.container(NADIR_CONTAINER), "cat", NADIR_STATE, timeout_s=20)
    state = done.stdout.strip() if done.status == 0 else "its client has not connected yet"
    return "" if state == "open" else nadir_words(state)


def nadir_words(state: str) -> str:
    """What the state of Nadir's client means, with ssh's own words."""
    meaning = next((meaning for words, meaning in NADIR_MEANINGS.items() if words in state), "")
    return f"{meaning} ({state})" if meaning else state


TUNNEL_PROBES = {
    ZENITH_CONTAINER: Tunnel(TUNNELS[ZENITH_CONTAINER], zenith_missing),
    NADIR_CONTAINER: Tunnel(TUNNELS[NADIR_CONTAINER], nadir_missing, tuple(NADIR_REFUSALS)),
}
"""Container → how to see that its tunnel is open."""
