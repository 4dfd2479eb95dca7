"""Layer of jupyterhub_config.py: users sign in with an ID token, which a proxy passes on in X-Auth-Id-Token."""

from deploy_settings import DEPLOY

c = get_config()  # noqa: F821

c.JupyterHub.authenticator_class = "brics"
c.BricsAuthenticator.oidc_server = DEPLOY["oidcServer"]
c.BricsAuthenticator.brics_platform = DEPLOY["bricsPlatform"]
c.BricsAuthenticator.jwt_audience = DEPLOY["jwtAudience"]
