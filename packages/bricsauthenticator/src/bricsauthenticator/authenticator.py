"""``BricsAuthenticator``: signs in by the ID token that a proxy passes on in ``X-Auth-Id-Token``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.auth import Authenticator  # type: ignore[import-untyped]
from jupyterhub.log import log_request  # type: ignore[import-untyped]
from tornado import web
from traitlets import Bool, Float, List, TraitError, Unicode, default, validate

from bricsauthenticator.claims import ClaimsError, Identity, normalise
from bricsauthenticator.issuer_keys import IssuerKeys, IssuerUnavailableError
from bricsauthenticator.login import BricsLoginHandler, BricsLogoutHandler
from bricsauthenticator.names import to_auth_state
from bricsauthenticator.tokens import ASYMMETRIC, TokenError, read_header, unverified_claim, verify

TOKEN_HEADER = "X-Auth-Id-Token"  # noqa: S105 (its name)


class BricsAuthenticator(Authenticator):  # type: ignore[misc]
    """Signs in whoever holds a valid ID token with a project on this platform.

    The user's name is the claim ``short_name``; auth_state holds the projects of the claim ``projects``.
    A proxy in front of JupyterHub has to remove the header from what clients send.
    """

    oidc_server = Unicode(
        help="URL of the OpenID Connect issuer, exactly as tokens and its discovery document give it."
    ).tag(config=True)

    brics_platform = Unicode(
        help="Name of the resource in the claim ``projects`` that is this platform."
    ).tag(config=True)

    jwt_audience = Unicode(help="The audience that tokens must be for.").tag(config=True)

    jwt_leeway = Float(5.0, min=0, help="Seconds by which the issuer's clock may differ from ours.").tag(
        config=True
    )

    jwt_algorithms = List(
        Unicode(),
        default_value=list(ASYMMETRIC),
        minlen=1,
        help="The signature algorithms that are accepted: asymmetric ones only.",
    ).tag(config=True)

    jwks_max_age = Float(
        60.0,
        min=0,
        help="Seconds for which the issuer's keys are kept: so long is a key accepted that it withdraws.",
    ).tag(config=True)

    oidc_timeout = Float(5.0, help="Seconds that a request to the issuer may take.").tag(config=True)

    logout_redirect_url = Unicode(
        help="Where a browser goes after signing out of the hub: the address that ends the proxy's session."
    ).tag(config=True)

    invalid_jwt_logout = Bool(
        False,
        help="""When a token is refused, end the browser's session in the hub, and send the browser to
        ``logout_redirect_url`` (if set) instead of answering 401: there it can get a new token.
        """,
    ).tag(config=True)

    _keys: IssuerKeys | None = None

    @default("allow_all")
    def _allow_all_default(self) -> bool:
        """Whoever has a valid token and a project is allowed, unless the configuration lists users."""
        return not (self.allowed_users or self.allow_existing_users)

    @default("enable_auth_state")
    def _enable_auth_state_default(self) -> bool:
        return True

    @default("auth_refresh_age")
    def _auth_refresh_age_default(self) -> int:
        """Negative: :meth:`refresh_user` judges every request, and what it says of one holds for no other.

        It costs next to nothing. With an age, a request of the user's other browser would speak for this one.
        """
        return -1

    @default("auto_login")
    def _auto_login_default(self) -> bool:
        """There is no form: /hub/login signs in by itself, so signing out must not lead back there."""
        return True

    @validate("oidc_server")
    def _validate_oidc_server(self, proposal: Any) -> str:
        url = urlsplit(proposal.value)
        if proposal.value and (
            url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment
        ):
            raise TraitError(f"oidc_server: {proposal.value!r} is not the URL of an issuer")
        return str(proposal.value)

    @validate("jwt_algorithms")
    def _validate_jwt_algorithms(self, proposal: Any) -> list[str]:
        refused = [name for name in proposal.value if name not in ASYMMETRIC]
        if refused:
            raise TraitError(f"jwt_algorithms: {', '.join(refused)}: allowed are {', '.join(ASYMMETRIC)}")
        return list(proposal.value)

    def get_handlers(self, app: Any) -> list[tuple[str, type[web.RequestHandler]]]:
        """The sign-in and sign-out pages.

        :raises ValueError: a trait that is needed to judge tokens is not set: JupyterHub does not start.
        """
        missing = [
            name for name in ("oidc_server", "brics_platform", "jwt_audience") if not getattr(self, name)
        ]
        if missing:
            raise ValueError(f"BricsAuthenticator: not configured: {', '.join(missing)}")
        settings = getattr(app, "tornado_settings", None)
        if settings is not None:
            settings["log_function"] = hide_token(settings.get("log_function", log_request))
        return [("/login", BricsLoginHandler), ("/logout", BricsLogoutHandler)]

    async def authenticate(self, handler: web.RequestHandler, data: Any = None) -> dict[str, Any]:
        """The user that the request's token is for.

        :raises tornado.web.HTTPError: 401 no token or a bad one; 403 no project here, or not the sign-in page; 503 no
            keys to be had.
        """
        # The hub's API offers it too, to make a token that never expires, and asks for no XSRF token then.
        if not isinstance(handler, BricsLoginHandler):
            raise web.HTTPError(403, "Tokens of the sign-in count on the sign-in page alone.")
        token = handler.request.headers.get(TOKEN_HEADER, "")
        if not token:
            raise _unauthorised("missing", "No authentication token came with the request.")
        try:
            identity = await self._identify(token)
        except (TokenError, ClaimsError) as error:
            self.log.warning("Sign-in refused: %s", error)
            raise _unauthorised("invalid", "The authentication token is not valid or has expired.") from None
        except IssuerUnavailableError:
            raise _unavailable() from None
        if not identity.projects:
            self.log.warning("Sign-in refused: %s has no project here", identity.short_name)
            raise web.HTTPError(403, "You have no project with access to this platform.")
        return {"name": identity.short_name, "auth_state": to_auth_state(identity.projects)}

    async def refresh_user(self, user: Any, handler: web.RequestHandler | None = None) -> bool:
        """False if the request's token names another user than its session.

        That happens when someone else signs in at the proxy while the hub still has a session of the browser.
        The token is not verified for this: being wrong only leads to a sign-in, where it is.
        """
        token = handler.request.headers.get(TOKEN_HEADER, "") if handler is not None else ""
        named = unverified_claim(token, "short_name") if token else None
        if not isinstance(named, str) or self.normalize_username(named) == user.name:
            return True
        if not hasattr(handler, "_token_authenticated"):
            # JupyterHub 6.1.1 asks for it and sets it for API tokens only.
            handler._token_authenticated = False  # type: ignore[union-attr]
        return False

    async def _identify(self, token: str) -> Identity:
        """
        :raises TokenError: the token does not verify.
        :raises ClaimsError: its claims are not as agreed.
        :raises IssuerUnavailableError: the issuer's keys are needed and cannot be had.
        """
        header = read_header(token, self.jwt_algorithms)
        if self._keys is None or self._keys.issuer != self.oidc_server:
            self._keys = IssuerKeys(
                self.oidc_server, max_age=self.jwks_max_age, timeout=self.oidc_timeout, log=self.log
            )
        key = await self._keys.key_for(header)
        claims = verify(
            token, key, issuer=self.oidc_server, audience=self.jwt_audience, leeway=self.jwt_leeway
        )
        return normalise(claims, self.brics_platform)


def _unauthorised(reason: str, message: str) -> web.HTTPError:
    """401. ``reason`` tells a token that is missing from one that is invalid."""
    error = web.HTTPError(401, message)
    error.headers = {"WWW-Authenticate": f'Bearer realm="JupyterHub", error="{reason}_token"'}  # type: ignore[attr-defined]
    error.token_missing = reason == "missing"  # type: ignore[attr-defined]
    return error


def _unavailable() -> web.HTTPError:
    error = web.HTTPError(503, "The sign-in service does not answer. Please try again in a moment.")
    error.headers = {"Retry-After": "5"}  # type: ignore[attr-defined]
    return error


def hide_token(log_function: Callable[[web.RequestHandler], None]) -> Callable[[web.RequestHandler], None]:
    """JupyterHub's log function, which logs the headers of requests that end in error 500, less the token."""

    def log_without_token(handler: web.RequestHandler) -> None:
        if TOKEN_HEADER in handler.request.headers:
            handler.request.headers[TOKEN_HEADER] = "[secret]"
        log_function(handler)

    return log_without_token
