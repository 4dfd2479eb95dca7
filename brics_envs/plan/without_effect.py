"""Settings that an environment has no use for. Pure. May import: config, plan."""

from __future__ import annotations

from brics_envs.config.cluster_settings import SLURM_SETTINGS
from brics_envs.config.deploy import DeploySettings
from brics_envs.plan.config_maps import TOKEN_SETTINGS
from brics_envs.plan.overlay import Overlay

OF_TOKENS = (*TOKEN_SETTINGS, "startSignInHours", "jwtLeewaySeconds", "jwksMaxAgeSeconds")


def without_effect(settings: DeploySettings, overlay: Overlay) -> tuple[str, ...]:
    """The settings that are set and change nothing, in the model's order, each with the reason.

    :param settings: as the files give them.
    """
    reasons: dict[str, str] = {}
    if not overlay.takes_tokens:
        reasons |= dict.fromkeys(OF_TOKENS, "nobody signs in with a token")
    if not overlay.refers_to("Secret", "deploy-secret"):
        reasons["dummyAuthPassword"] = "nobody signs in with its password"
    if not overlay.refers_to("ConfigMap", "dev-user-config"):
        reasons["devUsers"] = "its users are not ours to make"
    if not overlay.has_slurm:
        reasons |= dict.fromkeys(SLURM_SETTINGS, "Slurm is not in the pod")
    if settings.condaPrefixDir:
        reasons["jupyterEnvDir"] = "condaPrefixDir takes its place"
    given = {key for key in settings.model_fields_set if getattr(settings, key) is not None}
    return tuple(
        f"{key} ({reasons[key]})" for key in type(settings).model_fields if key in given and key in reasons
    )
