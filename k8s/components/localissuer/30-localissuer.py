"""Layer of jupyterhub_config.py: the pod's proxy signs users in at the pod's issuer."""

from deploy_settings import DEPLOY, set_authenticator_traits

c = get_config()  # noqa: F821

# Ends the proxy's session, then the issuer's.
if "logoutRedirectUrl" not in DEPLOY:
    set_authenticator_traits(c, logout_redirect_url="/oidc/callback?logout=")
