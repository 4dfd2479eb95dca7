"""``invoke render``: an environment's complete manifest. May import: plan, lifecycle."""

from __future__ import annotations

import pykustomize
from brics_envs.lifecycle.instance_secrets import existing_secrets
from brics_envs.lifecycle.prepare import UpOptions, prepare
from brics_envs.lifecycle.report import say
from brics_envs.plan.manifest import assemble
from brics_envs.plan.secrets import HIDDEN


def render(options: UpOptions, *, show_secrets: bool) -> str:
    """The complete manifest; secrets are redacted unless they are asked for and exist.

    :raises ConfigError: a problem of a file, or an option that the environment does not have.
    """
    desired = prepare(options)
    secrets = existing_secrets(desired) if show_secrets else None
    if show_secrets and secrets is None:
        say(f"{desired.directory} has no secrets (yet): placeholders are shown")
    return pykustomize.dump(assemble(desired, secrets or HIDDEN))
