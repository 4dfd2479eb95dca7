"""What may not be as it was meant, and stops nothing. May import: config, effects, plan, lifecycle.report."""

from __future__ import annotations

from brics_envs.config.environment import LOCAL_LAYER
from brics_envs.effects.reach import why_unreachable
from brics_envs.lifecycle.report import say
from brics_envs.plan.desired import DesiredState

DISCOVERY = ".well-known/openid-configuration"
"""Where an OpenID provider says what it offers, below its URL."""


def warn(desired: DesiredState) -> None:
    """Say what `up` does not need to stop for, and that a layer of the user's own counts."""
    if LOCAL_LAYER in desired.layers:
        say(f"{desired.environment.local_layer.relative_to(desired.environment.root)}: the hub reads it last")
    for line in warnings(desired):
        say(f"warning: {line}")


def warnings(desired: DesiredState) -> list[str]:
    """Settings without effect, and an external issuer that this machine cannot reach."""
    lines = [f"{setting}: no effect in {desired.environment.name}" for setting in desired.without_effect]
    if desired.awaits_tokens:
        issuer = str(desired.settings.oidcServer)
        if reason := why_unreachable(f"{issuer.rstrip('/')}/{DISCOVERY}"):
            lines.append(
                f"oidcServer: {issuer} cannot be reached from here, and nobody can sign in: {reason}"
            )
    return lines
