"""The tasks' options: what there are, and their values, which come as strings. May import: errors."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from brics_envs.errors import ConfigError

Base = Literal["auto", "registry", "local"]
"""Where base images come from."""

DEFAULT_INSTANCE = "default"
"""The value of ``--instance`` that gives everything its plain name."""


def parse_port(option: str, value: str) -> int:
    """A TCP port that needs no privilege, 1024 to 65535.

    :param option: the option's name, for the error.
    :raises ConfigError: not a number, or out of range.
    """
    if not (re.fullmatch(r"[0-9]{1,5}", value) and 1024 <= int(value) <= 65535):
        raise ConfigError(f"{option}: {value!r} is not a port", hint="give a number from 1024 to 65535")
    return int(value)


def parse_tail(value: str) -> int | None:
    """The value of ``--tail``: a number of lines; none if it is empty.

    :raises ConfigError: no number.
    """
    if value and not re.fullmatch(r"[0-9]{1,9}", value):
        raise ConfigError(f"--tail: {value!r} is not a number of lines")
    return int(value) if value else None


def parse_base(value: str) -> Base:
    """The value of ``--base``.

    :raises ConfigError: none of those that are allowed.
    """
    if value not in get_args(Base):
        raise ConfigError(
            f"--base: {value!r} is not allowed", hint=f"choose one of {', '.join(get_args(Base))}"
        )
    return cast(Base, value)


@dataclass(frozen=True)
class Option:
    """An option of a task: a string, a flag (``False``) or one that may be repeated (``None``).

    invoke makes any other default's type of the values of a repeated option.
    """

    help: str
    default: str | bool | None = ""


OPTIONS = {
    "archive": Option("the backup's file"),
    "all": Option("every instance", False),
    "base": Option(
        "base images: registry, local, or auto (as before; on the first `up`, registry if reachable, else local)",
        "auto",
    ),
    "claim": Option("additional claim KEY=VALUE, where VALUE is JSON or a string; may be repeated", None),
    "container": Option("container of the pod, such as jupyterhub or slurm"),
    "debug": Option(
        "let a debugger attach at the sign-in port + 91 on 127.0.0.1; whoever connects runs code as the hub",
        False,
    ),
    "deploy-dir": Option(
        "directory with a deployment's settings (deploy.yaml or deploy-configmap.yaml) and keys"
    ),
    "direct-port": Option(
        "dev_realauth: port on 127.0.0.1 that accepts tokens (X-Auth-Id-Token) instead of signing users in"
    ),
    "dry-run": Option("only show what would be done", False),
    "env": Option("environment: a directory in config/, such as dev_dummyauth"),
    "expires-in": Option("lifetime in seconds; negative: already expired", "3600"),
    "follow": Option("show new output as it arrives, until Ctrl-C", False),
    "force": Option("also remove an instance of another checkout", False),
    "homes": Option("include the home directories of users in the pod's Slurm", False),
    "instance": Option("name of the instance; several can run side by side", DEFAULT_INSTANCE),
    "json": Option("as JSON", False),
    "keep-volumes": Option("keep the named volumes and _build/NAME", False),
    "live": Option(
        "mount the directories given with --repo, or all, and watch them until Ctrl-C: changes go live at once",
        False,
    ),
    "port": Option("sign-in port on 127.0.0.1", "8000"),
    "project": Option("project to put into the token instead of those of dev_users; may be repeated", None),
    "rebuild": Option("rebuild all images without the build cache", False),
    "refresh": Option(
        "take security updates: pull base images and rebuild all images with the distributions' current packages",
        False,
    ),
    "repo-name": Option("bricsauthenticator or slurmspawner_wrappers"),
    "repo": Option(
        "where bricsauthenticator or slurmspawner_wrappers comes from: NAME=PATH, NAME=URL[@REF] or "
        "NAME=builtin; may be repeated",
        None,
    ),
    "show-secrets": Option("show the secrets of _build/NAME, if any, instead of redacting them", False),
    "since": Option(
        "only lines written since then: a duration before now, such as 10m, or a date and time (UTC)"
    ),
    "tail": Option("this many of the last lines of each log"),
    "to": Option("directory to create (default: the volume's name)"),
    "update": Option("take what the clones' origins have by now; edits and commits of your own stay", False),
    "user": Option("user in the container, such as testuser.project1"),
    "volume": Option("name of a volume, such as jupyterhub_root"),
    "yes": Option("end running jobs without asking", False),
}
"""The options of all tasks by their names, as they are written on the command line without ``--``."""

HELP_OF_TASK = {
    ("backup", "archive"): "file to write (default: _backups/INSTANCE-TIME.tar.gz)",
    ("restore", "archive"): "the backup's file",
    ("smoke", "user"): "<USER> of dev_users to sign in as, such as testuser (default: the first)",
    ("token", "user"): "<USER> of dev_users that the token is for, such as testuser",
}
"""What an option means for one task, where that is not the same for all."""


@dataclass(frozen=True)
class TokenOptions:
    """The options of ``invoke token``; no project means those of dev_users."""

    user: str
    projects: tuple[str, ...]
    expires_in_s: int
    claims: dict[str, Any]


def parse_token_options(
    user: str, projects: Sequence[str], expires_in: str, claims: Sequence[str]
) -> TokenOptions:
    """The options of ``invoke token``.

    :param expires_in: seconds, negative for a token that has expired.
    :param claims: each ``KEY=VALUE``; a value that is JSON is taken as such, any other as a string.
    :raises ConfigError: no user, no number, or a claim without ``=``.
    """
    if not user:
        raise ConfigError("--user: needed", hint="give a <USER> of dev_users")
    if not re.fullmatch(r"-?[0-9]{1,10}", expires_in):
        raise ConfigError(f"--expires-in: {expires_in!r} is not a number of seconds")
    pairs = [claim.partition("=") for claim in claims]
    if wrong := [claim for claim, (key, sign, _) in zip(claims, pairs, strict=True) if not (key and sign)]:
        raise ConfigError(f"--claim: {wrong[0]!r} is not KEY=VALUE")
    return TokenOptions(
        user, tuple(projects), int(expires_in), {key: _json(value) for key, _, value in pairs}
    )


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ConfigError("--claim: nested too deeply") from None
    except ValueError:
        return text
