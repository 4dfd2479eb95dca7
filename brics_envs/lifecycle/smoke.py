"""``invoke smoke``: use a running instance once as a user would. May import: everything but cli."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from brics_envs.config.dev_users import parse_dev_users
from brics_envs.config.environment import Environment
from brics_envs.effects import interrupts
from brics_envs.effects.hub_session import HubSession
from brics_envs.errors import ConfigError, EnvsError
from brics_envs.lifecycle.applied import MANIFEST
from brics_envs.lifecycle.observe import observe_record, running_pod
from brics_envs.lifecycle.report import step
from brics_envs.plan.names import Instance
from brics_envs.plan.overlay import Overlay

PASSWORD_KEY = "dummyAuthPassword"  # noqa: S105 - its name


def smoke(environment: Environment, instance: Instance, user: str) -> str:
    """Sign in, start a server, run a cell in a kernel, stop; each step is shown with its time.

    :param user: a ``<USER>`` of dev_users; empty: the first.
    :raises ConfigError: the instance is of another environment, nobody here can sign in, or the user has a server.
    :raises EnvsError: a step failed: says which, and what came instead.
    """
    pod = running_pod(instance)
    if pod.environment != environment.name:
        raise ConfigError(
            f"instance {instance.name} runs environment {pod.environment}, not {environment.name}"
        )
    directory = instance.directory(environment.root)
    record = observe_record(pod, directory)
    if record is None or not record.url:
        raise ConfigError(
            f"users of {environment.name} come through a tunnel: signing in from here is not possible"
        )
    users, password = _users_and_password(directory / MANIFEST, instance)
    session = HubSession(record.url, user or users[0], record.ports)
    if session.user not in users:
        raise ConfigError(
            f"--user: {session.user!r} is not in dev_users", hint=f"known are {', '.join(users)}"
        )
    with step(f"sign in as {session.user}"):
        session.sign_in(password)
    if session.has_server():
        raise ConfigError(f"{session.user} already has a server", hint="stop it, or choose another --user")
    with _stopped_in_the_end(session):
        with step("start a server"):
            session.start()
        with step("run a cell"):
            printed = session.run("print(6 * 7)").strip()
        if printed != "42":
            raise EnvsError(f"print(6 * 7) printed {printed!r}")
        with step("stop it"):
            session.stop()
    return f"{record.url} works"


@contextmanager
def _stopped_in_the_end(session: HubSession) -> Iterator[None]:
    """Leave no server behind, whatever happens."""
    try:
        yield
    except BaseException:
        # There may be none; what failed before is what matters.
        with interrupts.clearing_up(), suppress(EnvsError):
            session.stop()
        raise


def _users_and_password(manifest: Path, instance: Instance) -> tuple[list[str], str]:
    """Who may sign in, and with what, as the instance was made."""
    try:
        overlay = Overlay(list(yaml.safe_load_all(manifest.read_text())))
        listed = overlay.config_map(instance.named("dev-user-config"))["dev_users"]
        (secret,) = [
            d
            for d in overlay.documents
            if (d["kind"], d["metadata"]["name"]) == ("Secret", instance.named("deploy-secret"))
        ]
        password = secret["stringData"][PASSWORD_KEY]
    except (OSError, yaml.YAMLError, KeyError, ValueError) as error:
        raise ConfigError(
            f"instance {instance.name} has no users with a password here: users come with tokens of an external issuer",
            hint="dev_dummyauth, and dev_realauth with its local issuer, have",
        ) from error
    return list(dict.fromkeys(user.user for user in parse_dev_users(listed, "dev_users"))), password
