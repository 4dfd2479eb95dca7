"""``BricsAuthenticator``: signs in by the ID token that a proxy passes on in ``X-Auth-Id-Token``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.log import log_request
from jupyterhub.utils import maybe_future
from tornado import web
from traitlets import Bool, Float, List, TraitError, Unicode, default, validate

from bricsauthenticator import sessions
from bricsauthenticator.addresses import issuer_problem
from bricsauthenticator.claims import ClaimsError, Identity, normalise
from bricsauthenticator.issuer_keys import IssuerKeys, IssuerUnavailableError
from bricsauthenticator.login import BricsLoginHandler, BricsLogoutHandler, unauthorised, unavailable
from bricsauthenticator.names import to_auth_state
from bricsauthenticator.tokens import ASYMMETRIC, TokenError, read_header, unverified_claim, verify

TOKEN_HEADER = "X-Auth-Id-Token"  # noqa: S105 (its name)


class BricsAuthenticator(Authenticator):  # type: ignore[misc]
    """Signs in whoever holds a valid ID token with a project on this platform.

    The user's name is the claim ``short_name``; auth_state holds the projects of the claim ``projects``.
    A proxy in front of JupyterHub has to remove the header from what clients send.
    """

    oidc_server = Unicode(
        help="""URL of the OpenID Connect issuer, exactly as tokens and its discovery document give it: https, or
        http on this machine's loopback."""
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
        help="Seconds for which the issuer's keys are cached: removed keys stay trusted for up to that long.",
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

    session_max_age = Float(
        12 * 3600.0,
        help="""Seconds for which a sign-in is valid. Every credential of the user's ends then, but for the tokens of
        running servers, which end with their jobs.
        """,
    ).tag(config=True)

    start_max_age = Float(
        help="""Seconds after a sign-in in which servers can be started; later only after another one. By default, and
        at most, ``session_max_age``.
        """
    ).tag(config=True)

    _keys: IssuerKeys | None = None

    @default("start_max_age")
    def _start_max_age_default(self) -> float:
        return self.session_max_age

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

    @default("auth_refresh_strict")
    def _auth_refresh_strict_default(self) -> bool:
        """Apply :meth:`refresh_user` to API tokens too."""
        return True

    @default("auto_login")
    def _auto_login_default(self) -> bool:
        """There is no form: /hub/login signs in by itself, so signing out must not lead back there."""
        return True

    @validate("oidc_server")
    def _validate_oidc_server(self, proposal: Any) -> str:
        problem = issuer_problem(proposal.value) if proposal.value else ""
        if problem:
            raise TraitError(f"oidc_server: {proposal.value!r} {problem}")
        return str(proposal.value)

    @validate("session_max_age", "start_max_age")
    def _validate_max_age(self, proposal: Any) -> float:
        if not 0 < proposal.value < float("inf"):
            raise TraitError(f"{proposal.trait.name}: must be a number of seconds above 0")
        return float(proposal.value)

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
        if self.start_max_age > self.session_max_age:
            raise ValueError("BricsAuthenticator: start_max_age is longer than session_max_age")
        if app is not None:
            self._limit_sessions(app)
            settings = app.tornado_settings
            settings["log_function"] = hide_token(settings.get("log_function", log_request))
        return [("/login", BricsLoginHandler), ("/logout", BricsLogoutHandler)]

    def _limit_sessions(self, app: Any) -> None:
        """Bound what JupyterHub bounds by itself, and what its database holds."""
        settings, seconds = app.tornado_settings, self.session_max_age
        settings["cookie_max_age_days"] = min(settings.get("cookie_max_age_days", 14), seconds / 86400)
        longest = settings.get("token_expires_in_max_seconds") or seconds
        settings["token_expires_in_max_seconds"] = max(1, int(min(longest, seconds)))
        sessions.limit_old_tokens(app.db, seconds)
        sessions.limit_tokens(app.db, seconds)

    async def authenticate(self, handler: web.RequestHandler, data: Any = None) -> dict[str, Any]:
        """The user that the request's token is for.

        :raises tornado.web.HTTPError: 401 no token or a bad one; 403 no project here, or not the sign-in page; 503 no
            keys to be had.
        """
        # The hub's API offers it too, to make a token that never expires, and asks for no XSRF token then.
        if not isinstance(handler, BricsLoginHandler):
            raise web.HTTPError(403, "ID tokens are accepted on the sign-in page only.")
        token = handler.request.headers.get(TOKEN_HEADER, "")
        if not token:
            raise unauthorised("missing", "The request has no authentication token.")
        try:
            identity = await self._identify(token)
        except (TokenError, ClaimsError) as error:
            self.log.warning("Sign-in refused: %s", error)
            raise unauthorised("invalid", f"Sign-in failed: {error}.") from None
        except IssuerUnavailableError:
            raise unavailable() from None
        for reason, times in Counter(identity.left_out).items():
            self.log.warning("Sign-in of %s: %s left out: %s", identity.short_name, times, reason)
        if not identity.projects:
            self.log.warning("Sign-in refused: %s has no project here", identity.short_name)
            await handler.end_access(self.normalize_username(identity.short_name))
            raise web.HTTPError(403, "You have no project with access to this platform.")
        return {"name": identity.short_name, "auth_state": to_auth_state(identity.projects)}

    def is_admin(self, handler: Any, authentication: dict[str, Any]) -> bool:
        """Whether the configuration makes the user an administrator; who was one before is none now."""
        return authentication["name"] in self.admin_users

    async def refresh_user(self, user: Any, handler: Any = None) -> bool:
        """Whether the user may do what is asked for: False if there has to be another sign-in first.

        JupyterHub asks for every request, whether it comes with a cookie or with a token.
        """
        token = handler.get_token() if getattr(handler, "_token_authenticated", False) else None
        if token is not None and sessions.is_server_token(token):
            return True
        if not await self._is_allowed(user.name) or not self._signed_in(user, handler):
            return False
        if token is not None:
            # Another process may have made it.
            sessions.limit_token(token, self.session_max_age)
            if token.expired:
                return False
        return not self._names_another(user, handler)

    def _signed_in(self, user: Any, handler: Any) -> bool:
        """Whether the user's last sign-in is recent enough for what is asked for.

        The page that starts servers leads to a sign-in; :meth:`pre_spawn_start` refuses every other way to start one.
        """
        starting = isinstance(handler, SpawnHandler) and handler.request.method == "GET"
        return sessions.is_recent(user.orm_user, self.start_max_age if starting else self.session_max_age)

    async def _is_allowed(self, name: str) -> bool:
        """Whether the configuration still lets in somebody who has signed in under it or an earlier one."""
        if not await maybe_future(self.check_blocked_users(name)):
            return False
        return (
            self.allow_existing_users
            or name in self.admin_users
            or bool(await maybe_future(self.check_allowed(name)))
        )

    def _names_another(self, user: Any, handler: Any) -> bool:
        """Whether the request's token names another user than its session.

        That happens when someone else signs in at the proxy while the hub still has a session of the browser.
        The token is not verified for this: being wrong only leads to a sign-in, where it is.
        """
        token = handler.request.headers.get(TOKEN_HEADER, "") if handler is not None else ""
        named = unverified_claim(token, "short_name") if token else None
        return isinstance(named, str) and self.normalize_username(named) != user.name

    def pre_spawn_start(self, user: Any, spawner: Any) -> None:
        """Let the server's own token last as long as the server, and refuse to start without a recent sign-in.

        :raises tornado.web.HTTPError: 403 the user's sign-in is too old, or the user has signed out.
        """
        sessions.mark_server_token(user.db, spawner.orm_spawner, spawner.api_token)
        if not sessions.is_recent(user.orm_user, self.start_max_age):
            error = web.HTTPError(
                403, "Your sign-in is too old to start a server. Open this page again to sign in."
            )
            error.jupyterhub_message = error.log_message  # type: ignore[attr-defined]
            raise error

    def post_spawn_stop(self, user: Any, spawner: Any) -> None:
        """Let the server's own token end with it."""
        sessions.revoke_server_tokens(user.db, spawner.orm_spawner)

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


def hide_token(log_function: Callable[[web.RequestHandler], None]) -> Callable[[web.RequestHandler], None]:
    """JupyterHub's log function, which logs the headers of requests that end in error 500, less the token."""

    def log_without_token(handler: web.RequestHandler) -> None:
        if TOKEN_HEADER in handler.request.headers:
            handler.request.headers[TOKEN_HEADER] = "[secret]"
        log_function(handler)

    return log_without_token
