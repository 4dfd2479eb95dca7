"""The sign-in and sign-out pages of ``BricsAuthenticator``."""

from __future__ import annotations

import time
from html import escape
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LogoutHandler
from tornado import web

from bricsauthenticator import sessions

REFUSED_COOKIE = "brics-token-refused"
"""Set when a browser is sent to get a new token."""

REFUSED_S = 60
"""Seconds in which a token that comes back and is refused is not worth another try."""


class BricsLoginHandler(BaseHandler):  # type: ignore[misc]
    """``GET /hub/login``: signs in by the token of the request, whoever was signed in before.

    A token overrides a session: the user of the token is signed in, with the token's projects.
    """

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    async def get(self) -> None:
        """Sign in and go to ``next``.

        :raises tornado.web.HTTPError: as the authenticator; 403 too for a user that the configuration blocks.
        """
        try:
            user = await self.login_user()
        except web.HTTPError as error:
            if error.status_code == 401:
                self._refuse(error)
                return
            self._offer_another_sign_in()
            raise
        if user is None:
            self.clear_login_cookie()
            raise web.HTTPError(403, "You are not allowed to use this service.")
        self.clear_cookie(REFUSED_COOKIE, path=self.hub.base_url)
        self.redirect(self.get_next_url(user))

    def set_login_cookie(self, user: Any) -> None:
        """Sign in; a session of another user in the same browser ends first."""
        previous = self.get_current_user_cookie()
        if previous is not None and previous.id != user.id:
            self.clear_login_cookie()
            self.set_session_cookie()
        sessions.record_sign_in(user.orm_user)
        self.db.commit()
        super().set_login_cookie(user)
        # A cookie that there was already would count from the first sign-in.
        self.set_hub_cookie(user)

    async def end_access(self, name: str) -> None:
        """End the browser's session, whosever it is, and all access of the user of a verified token without projects.

        :param name: the user; JupyterHub need not know it.
        """
        self.clear_login_cookie()
        user = self.find_user(name)
        if user is not None:
            await user.save_auth_state({})
            sessions.end_access(self.db, user.orm_user)

    def _refuse(self, error: web.HTTPError) -> None:
        """Answer a token that is missing or invalid.

        :raises tornado.web.HTTPError: always, unless the browser is sent to get a new token.
        """
        if self.authenticator.invalid_jwt_logout and not getattr(error, "token_missing", False):
            self.clear_login_cookie()
            # Once: if what comes back is refused as well, going there again does not help.
            if self.authenticator.logout_redirect_url and not self.get_cookie(REFUSED_COOKIE):
                expires = time.time() + REFUSED_S
                self.set_cookie(REFUSED_COOKIE, "1", path=self.hub.base_url, expires=expires, httponly=True)
                self.redirect(self.authenticator.logout_redirect_url)
                return
            self.clear_cookie(REFUSED_COOKIE, path=self.hub.base_url)
        self._offer_another_sign_in()
        raise error

    def _offer_another_sign_in(self) -> None:
        """Say on the error's page how to go on."""
        sign_out = self.authenticator.logout_redirect_url
        if sign_out:
            self.extra_error_html = f'<a href="{escape(sign_out)}">Sign out and sign in again</a>'
        else:
            self.extra_error_html = (
                f'<a href="{escape(self.hub.base_url)}login">Try again</a>. If that does not help, sign out of the '
                "service with which you sign in, or close the browser, and come back."
            )


class BricsLogoutHandler(LogoutHandler):  # type: ignore[misc]
    """``GET /hub/logout``: ends the user's access, then the proxy's session if ``logout_redirect_url`` is set."""

    async def default_handle_logout(self) -> None:
        """As JupyterHub, and let no cookie and no token of the user's count any more, whoever may have kept one.

        Servers run on. This is about the user of the cookie, be it that another sign-in is needed to do more.
        """
        user = self.get_current_user_cookie()
        await super().default_handle_logout()
        self.clear_login_cookie()
        if user is not None:
            sessions.end_access(self.db, user.orm_user)

    async def render_logout_page(self) -> None:
        """Send the browser on, or show JupyterHub's page."""
        url = self.authenticator.logout_redirect_url
        if url and urlsplit(url).path != self.request.path:
            self.redirect(url)
        else:
            await super().render_logout_page()


def unauthorised(reason: str, message: str) -> web.HTTPError:
    """401. ``reason`` tells a token that is missing from one that is invalid."""
    error = web.HTTPError(401, message)
    error.headers = {"WWW-Authenticate": f'Bearer realm="JupyterHub", error="{reason}_token"'}  # type: ignore[attr-defined]
    error.token_missing = reason == "missing"  # type: ignore[attr-defined]
    return error


def unavailable() -> web.HTTPError:
    """503."""
    error = web.HTTPError(503, "The sign-in service does not answer. Please try again in a moment.")
    error.headers = {"Retry-After": "5"}  # type: ignore[attr-defined]
    return error
