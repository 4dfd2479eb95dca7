"""``invoke shell``: an interactive shell in a container. May import: plan, effects, lifecycle."""

from __future__ import annotations

import sys

from brics_envs.effects import process
from brics_envs.effects.podman import environment
from brics_envs.lifecycle.observe import container_of, running_pod
from brics_envs.plan.names import Instance
from brics_envs.plan.shell import shell_command


def shell(instance: Instance, container: str, user: str) -> None:
    """Become an interactive shell in a container. Does not return.

    :param user: whom to be, in whose home the shell begins; empty for the container's own user.
    :raises EnvsError: there is no such instance, container or running container.
    """
    pod = running_pod(instance)
    name = container_of(pod, container)
    terminal = ["--tty"] if sys.stdin.isatty() else []
    as_user = ["--user", user] if user else []
    command = shell_command(name, at_home=bool(user))
    process.replace_process(
        ["podman", "exec", "--interactive", *terminal, *as_user, instance.container(name), *command],
        environment(),
    )
