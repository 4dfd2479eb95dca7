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
from brics_envs.lifecycle.applied import MANIFEST, load_applied
from brics_envs.plan.config_maps import CONFIG_MAPS
from brics_envs.plan.names import Instance
from brics_envs.plan.secrets import ISSUER_JWKS


def token(root: Path, instance: Instance, options: TokenOptions) -> str:
    """A signed token for a user of the instance, with the projects of dev_users unless others are given.

    :raises ConfigError: the instance has no issuer of its own, or the user is not in dev_users and no project is given.
    :raises EnvsError: there is no such instance.
    """
    directory = instance.directory(root)
    applied = load_applied(directory)
    if applied is None:
        raise EnvsError(f"instance {instance.name} is not up", hint="`invoke status` shows what is up")
    if not applied.issuer:
        raise ConfigError(
            f"instance {instance.name} ({applied.environment}) has no issuer of its own, so nobody here can sign",
            hint="tokens come from its external issuer; dev_realauth without oidcServer has one of its own",
        )
    maps = _config_maps(directory / MANIFEST, instance)
    deploy = maps["deploy-config"]
    users = parse_dev_users(maps["dev-user-config"]["dev_users"], "dev_users")
    projects = options.projects or tuple(user.project for user in users if user.user == options.user)
    if not projects:
        known = ", ".join(dict.fromkeys(user.user for user in users))
        raise ConfigError(
            f"--user: {options.user!r} is not in dev_users", hint=f"known are {known}; or give --project"
        )
    try:
        return sign_token(
            json.loads((directory / ISSUER_JWKS).read_text()),
            issuer=applied.issuer,
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


def _config_maps(manifest: Path, instance: Instance) -> dict[str, dict[str, str]]:
    """The data of the ConfigMaps that the project makes, by their names in the overlay."""
    documents = [d for d in yaml.safe_load_all(manifest.read_text()) if d["kind"] == "ConfigMap"]
    data = {document["metadata"]["name"]: document["data"] for document in documents}
    return {name: data[instance.named(name)] for name in CONFIG_MAPS if instance.named(name) in data}
