"""Fragment of jupyterhub_config.py: users come through the Zenith client in the pod."""

from typing import TYPE_CHECKING
from urllib.parse import quote

from deploy_settings import DEPLOY, set_authenticator_traits

if TYPE_CHECKING:
    from traitlets.config.application import get_config

c = get_config()

# What signs users in at the other end (oauth2-proxy) signs them out here, and sends them to "rd" after that. An invalid
# token leads there by itself: only there can a browser get another one.
if "logoutRedirectUrl" not in DEPLOY:
    sign_out = f"{DEPLOY['baseUrl'].rstrip('/')}/_oidc/sign_out?rd={quote(DEPLOY['baseUrl'], safe='')}"
    set_authenticator_traits(c, logout_redirect_url=sign_out)
if "invalidTokenLogout" not in DEPLOY:
    set_authenticator_traits(c, invalid_jwt_logout=True)
