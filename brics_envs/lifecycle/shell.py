"""``invoke shell``: an interactive shell in a container. May import: plan, effects, lifecycle."""

from __future__ import annotations

import sys

from brics_envs.effects import process
from brics_envs.effects.podman import environment
from brics_envs.lifecycle.observe import container_of, running_pod
from brics_envs.plan.names import Instance


def shell(instance: Instance, container: str, user: str) -> None:
    """Become an interactive shell in a container. Does not return.

    :param user: whom to be; empty for the container's own user.
    :raises EnvsError: there is no such instance, container or running container.
    """
    pod = running_pod(instance)
    name = instance.container(container_of(pod, container))
    terminal = ["--tty"] if sys.stdin.isatty() else []
    as_user = ["--user", user] if user else []
    process.replace_process(
        ["podman", "exec", "--interactive", *terminal, *as_user, name, "bash", "-l"], environment()
    )
