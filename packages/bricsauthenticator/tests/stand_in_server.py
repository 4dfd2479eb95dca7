"""Stands in for jupyterhub-singleuser in a job: answers at the address that the environment gives."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Handler(BaseHTTPRequestHandler):
    """Any path: what the job's process sees."""

    def do_GET(self) -> None:
        body = json.dumps({"cwd": os.getcwd(), "environment": dict(os.environ)}).encode()  # noqa: PTH109
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", os.environ.get("STAND_IN_VERSION", ""))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


if __name__ == "__main__":
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    ThreadingHTTPServer((address.hostname or "", address.port or 0), Handler).serve_forever()
