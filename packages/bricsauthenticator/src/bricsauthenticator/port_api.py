"""Where a started server reports its port: batchspawner's ``POST /hub/api/batchspawner``, made safe.

batchspawner's own handler sets whatever attribute of the spawner the request names. The request comes with a
token that the server's user can read, so the user could set the commands that the hub runs next. This handler
takes the port and nothing else. The first handler of a path serves it: this one is put before batchspawner's.
"""

from __future__ import annotations

import hmac
import json
from typing import Any

import batchspawner  # type: ignore[import-untyped]  # noqa: F401 (registers its handler: ours must come later)
from jupyterhub.apihandlers import APIHandler, default_handlers  # type: ignore[import-untyped]
from tornado import web

PATH = r"/api/batchspawner"


class PortHandler(APIHandler):  # type: ignore[misc]
    """Takes the port of a server that is starting, from that server alone."""

    @web.authenticated
    def post(self) -> None:
        """Body: ``{"port": PORT}``.

        :raises tornado.web.HTTPError: 400 not a port; 403 the token is not that of a server that is starting.
        """
        body = self.get_json_body()
        port = body.get("port") if isinstance(body, dict) and body.keys() == {"port"} else None
        if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65535:
            raise web.HTTPError(400, 'The body must be {"port": PORT}.')
        spawner = self._spawner()
        if spawner is None or spawner.pending != "spawn" or spawner.port:
            raise web.HTTPError(403, "This token is not that of a server that is starting.")
        spawner.port = port
        self.set_status(201)
        self.finish(json.dumps({"message": "BatchSpawner data configured"}))

    def _spawner(self) -> Any:
        """The spawner whose server the request's token was made for."""
        token = (self.get_auth_token() or "").encode()
        for spawner in getattr(self.current_user, "spawners", {}).values():
            if spawner.api_token and hmac.compare_digest(spawner.api_token.encode(), token):
                return spawner
        return None


def register() -> None:
    """Put the handler before batchspawner's, once."""
    if (PATH, PortHandler) not in default_handlers:
        default_handlers.insert(0, (PATH, PortHandler))
