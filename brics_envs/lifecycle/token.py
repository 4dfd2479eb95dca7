"""``invoke token``: sign an ID token as the instance's local issuer would.

May import: errors, config, plan, effects, lifecycle.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from brics_envs.config.dev_users import parse_dev_users
from brics_envs.config.options import TokenOptions
from brics_envs.effects.tokens import sign_token
from brics_envs.errors import ConfigError, EnvsError
from brics_envs.lifecycle.applied import MANIFEST
from brics_envs.plan.names import LABEL_ENVIRONMENT, Instance
from brics_envs.plan.overlay import Overlay
from brics_envs.plan.secrets import ISSUER_JWKS


def token(root: Path, instance: Instance, options: TokenOptions) -> str:
    """A signed token for a user of the instance, with the projects of dev_users unless others are given.

    :raises ConfigError: the instance has no issuer of its own, or the user is not in dev_users and no project is given.
    :raises EnvsError: there is no such instance.
    """
    directory = instance.directory(root)
    overlay = _overlay(directory / MANIFEST, instance)
    environment = overlay.pod["metadata"]["labels"][LABEL_ENVIRONMENT]
    if not overlay.has_issuer:
        raise ConfigError(
            f"instance {instance.name} ({environment}) has no local issuer to sign tokens",
            hint="tokens come from its external issuer; dev_realauth without oidcServer has one of its own",
        )
    deploy = overlay.config_map(instance.named("deploy-config"))
    users = parse_dev_users(overlay.config_map(instance.named("dev-user-config"))["dev_users"], "dev_users")
    projects = options.projects or tuple(user.project for user in users if user.user == options.user)
    if not projects:
        known = ", ".join(dict.fromkeys(user.user for user in users))
        raise ConfigError(
            f"--user: {options.user!r} is not in dev_users", hint=f"known are {known}; or give --project"
        )
    try:
        return sign_token(
            json.loads((directory / ISSUER_JWKS).read_text()),
            issuer=deploy["oidcServer"],
            audience=deploy["jwtAudience"],
            user=options.user,
            projects=projects,
            platform=deploy["bricsPlatform"],
            expires_in_s=options.expires_in_s,
            extra_claims=options.claims,
        )
    except TypeError as error:
        # Of PyJWT, about a registered claim.
        raise ConfigError(f"--claim: {error}") from None


def _overlay(manifest: Path, instance: Instance) -> Overlay:
    """What the instance was made from."""
    if not manifest.exists():
        raise EnvsError(f"instance {instance.name} is not up", hint="`invoke status` shows what is up")
    return Overlay(list(yaml.safe_load_all(manifest.read_text())))
