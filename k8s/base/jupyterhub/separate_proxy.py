"""configurable-http-proxy in a container of its own."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.proxy import ConfigurableHTTPProxy

Routes = dict[str, dict[str, Any]]

RETRY_S = 0.2
"""Seconds between tries to reach a proxy that is away."""


class SeparateProxy(ConfigurableHTTPProxy):  # type: ignore[misc]
    """A proxy that the hub does not start, and which has its routes in its memory alone.

    JupyterHub by itself compares routes every five minutes, which is how long a restarted proxy would know no user.
    """

    traffic_is_activity = True
    """Whether a server whose pages send requests counts as used, whatever it says itself."""

    _watch: asyncio.Future[None] | None = None

    async def get_all_routes(self) -> Routes:
        """As ever, perhaps without the times of the last request."""
        routes: Routes = await super().get_all_routes()
        if not self.traffic_is_activity:
            for route in routes.values():
                route["data"].pop("last_activity", None)
        return routes

    async def check_routes(self, user_dict: Any, service_dict: Any, routes: Routes | None = None) -> None:
        """As ever; from the first time on, which is when the hub is ready, the proxy is watched."""
        await super().check_routes(user_dict, service_dict, routes)
        if self._watch is None:
            self._watch = asyncio.ensure_future(self._restore_lost_routes())

    async def _restore_lost_routes(self) -> None:
        """Compare routes whenever an idle connection to the proxy ends: at once if the proxy does.

        Otherwise node closes it after a minute or so, since no request comes.
        """
        address = urlsplit(self.api_url)
        while True:
            try:
                reader, writer = await asyncio.open_connection(address.hostname, address.port)
                try:
                    await self.check_routes(self.app.users, self.app._service_map)
                    await reader.read()
                finally:
                    writer.close()
            except OSError:
                await asyncio.sleep(RETRY_S)
            except Exception:
                self.log.exception("The proxy's routes could not be compared")
                await asyncio.sleep(RETRY_S)
