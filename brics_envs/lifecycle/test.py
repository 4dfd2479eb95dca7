"""``invoke test``: a package's own tests in its container. May import: errors, config, plan, effects, lifecycle."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from brics_envs.config.repos import REPOSITORIES
from brics_envs.effects.containers import execute
from brics_envs.errors import ConfigError, EnvsError
from brics_envs.lifecycle.live import mounted
from brics_envs.lifecycle.observe import PodState, container_of, running_pod
from brics_envs.lifecycle.report import say
from brics_envs.plan.live import CONTAINERS, place_of
from brics_envs.plan.names import Instance
from brics_envs.plan.package_tests import ENVIRONMENT, PROBLEMS, command

DEADLINE_S = 24 * 3600.0
"""Seconds that tests may take."""

WORDS = {
    2: "they were interrupted, or could not be collected",
    3: "pytest itself failed",
    4: "pytest does not understand its arguments",
    5: "there are none, or the arguments choose none",
}
"""pytest's exit status → what it means, but for failed tests."""


def test(instance: Instance, name: str, arguments: Sequence[str]) -> None:
    """Run a package's tests, and show what pytest says as it comes.

    :param name: the dev repository.
    :param arguments: for pytest.
    :raises ConfigError: there is no such dev repository, or the instance has no container for it.
    :raises EnvsError: the instance is not up, its images are those for production, or tests fail.
    """
    if name not in REPOSITORIES:
        given = f"{name!r} is no dev repository" if name else "needed"
        raise ConfigError(f"--repo-name: {given}", hint=f"choose one of {', '.join(REPOSITORIES)}")
    pod = running_pod(instance)
    container = container_of(pod, CONTAINERS[name])
    _refuse_production(pod, container)
    directories = mounted(pod)
    say(f"{name}: {directories[name].directory if name in directories else 'as it is in the image'}")
    full_name = instance.container(container)
    problem = execute(full_name, "cat", PROBLEMS[name], timeout_s=20)
    if problem.status == 0:
        say(f"warning: {name}: its extra `dev` is not installed: {problem.stdout.strip()}")
    done = execute(
        full_name,
        *command(name, arguments, colours=sys.stdout.isatty()),
        timeout_s=DEADLINE_S,
        options={"stdin": True, "workdir": place_of(name), "environment": dict(ENVIRONMENT)},
        on_line=lambda line: print(line, flush=True),
    )
    if done.stderr:
        raise EnvsError(f"tests of {name} could not be run: {done.stderr.strip()}")
    if done.status:
        words = WORDS.get(done.status, "see above")
        raise EnvsError(f"tests of {name}: pytest ended with exit status {done.status}: {words}")


def _refuse_production(pod: PodState, name: str) -> None:
    (image,) = (container.image for container in pod.containers if container.name == name)
    if not image.rpartition(":")[2].startswith("dev-"):
        raise EnvsError(
            f"{pod.environment} runs images for production, which hold no tests",
            hint="use an environment for development",
        )
