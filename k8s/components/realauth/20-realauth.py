"""Fragment of jupyterhub_config.py: users sign in with an ID token, which a proxy passes on in X-Auth-Id-Token."""

import json
from typing import TYPE_CHECKING

from deploy_settings import DEPLOY, set_authenticator_traits

if TYPE_CHECKING:
    from traitlets.config.application import get_config

c = get_config()

c.JupyterHub.authenticator_class = "brics"
c.BricsAuthenticator.oidc_server = DEPLOY["oidcServer"]
c.BricsAuthenticator.brics_platform = DEPLOY["bricsPlatform"]
c.BricsAuthenticator.jwt_audience = DEPLOY["jwtAudience"]

session_hours = float(DEPLOY["sessionHours"])
set_authenticator_traits(
    c,
    jwt_leeway=float(DEPLOY["jwtLeewaySeconds"]),
    jwks_max_age=float(DEPLOY["jwksMaxAgeSeconds"]),
    session_max_age=session_hours * 3600,
    start_max_age=float(DEPLOY.get("startSignInHours", session_hours)) * 3600,
    logout_redirect_url=DEPLOY.get("logoutRedirectUrl", ""),
    invalid_jwt_logout=json.loads(DEPLOY.get("invalidTokenLogout", "false")),
)
