"""The sign-in and sign-out pages of ``BricsAuthenticator``."""

from __future__ import annotations

from html import escape
from typing import Any

from jupyterhub.handlers.base import BaseHandler  # type: ignore[import-untyped]
from jupyterhub.handlers.login import LogoutHandler  # type: ignore[import-untyped]
from jupyterhub.utils import new_token  # type: ignore[import-untyped]
from tornado import web


class BricsLoginHandler(BaseHandler):  # type: ignore[misc]
    """``GET /hub/login``: signs in by the token of the request, whoever was signed in before.

    A token counts for more than a session: the user of the token is signed in, with the token's projects.
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
            raise
        if user is None:
            raise web.HTTPError(403, "You are not allowed to use this service.")
        self.redirect(self.get_next_url(user))

    def set_login_cookie(self, user: Any) -> None:
        """Sign in; a session of another user in the same browser ends first."""
        previous = self.get_current_user_cookie()
        if previous is not None and previous.id != user.id:
            self.clear_login_cookie()
            self.set_session_cookie()
        super().set_login_cookie(user)

    def _refuse(self, error: web.HTTPError) -> None:
        """Answer a token that is missing or invalid.

        :raises tornado.web.HTTPError: always, unless the browser is sent to get a new token.
        """
        sign_out_url = self.authenticator.logout_redirect_url
        if self.authenticator.invalid_jwt_logout and not getattr(error, "token_missing", False):
            self.clear_login_cookie()
            if sign_out_url:
                self.redirect(sign_out_url)
                return
        if sign_out_url:
            self.extra_error_html = f'<p><a href="{escape(sign_out_url)}">Sign out and sign in again</a></p>'
        raise error


class BricsLogoutHandler(LogoutHandler):  # type: ignore[misc]
    """``GET /hub/logout``: ends the user's sessions, then the proxy's if ``logout_redirect_url`` is set."""

    async def default_handle_logout(self) -> None:
        """As JupyterHub, and let no cookie of the user's count any more, whoever may have kept one."""
        user = self.current_user
        await super().default_handle_logout()
        if user:
            user.orm_user.cookie_id = new_token()
            self.db.commit()

    async def render_logout_page(self) -> None:
        """Send the browser on, or show JupyterHub's page."""
        url = self.authenticator.logout_redirect_url
        if url:
            self.redirect(url)
        else:
            await super().render_logout_page()
