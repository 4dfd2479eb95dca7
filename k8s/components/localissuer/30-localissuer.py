"""Fragment of jupyterhub_config.py: the pod's proxy signs users in at the pod's issuer."""

from typing import TYPE_CHECKING

from deploy_settings import DEPLOY, set_authenticator_traits

if TYPE_CHECKING:
    from traitlets.config.application import get_config

c = get_config()

# Ends the proxy's session, then the issuer's.
if "logoutRedirectUrl" not in DEPLOY:
    set_authenticator_traits(c, logout_redirect_url="/oidc/callback?logout=")
