"""Layer of jupyterhub_config.py: the pod's proxy signs users in at the pod's issuer, and is the only way in."""

from deploy_settings import DEPLOY, set_authenticator_traits

c = get_config()  # noqa: F821

# On the pod's loopback nobody can bypass the proxy and send a token of their own, unless the port is wanted for that.
ADDRESS = "0.0.0.0" if "directPort" in DEPLOY else "127.0.0.1"  # noqa: S104
c.JupyterHub.bind_url = f"http://{ADDRESS}:8000{DEPLOY['baseUrl']}"

# Ends the proxy's session, then the issuer's.
if "logoutRedirectUrl" not in DEPLOY:
    set_authenticator_traits(c, logout_redirect_url="/oidc/callback?logout=")
