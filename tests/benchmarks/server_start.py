"""What the start of a notebook server costs: seconds of CPU of its process until it listens, in the Slurm image.

Time of CPU, not time: a machine that does other things too changes it little. Compared is JupyterLab without a hub.
"""

from __future__ import annotations

import json

from tests.benchmarks.figures import Figure, Outcome
from tests.support.commands import ok
from tests.support.world import World

INSTANCE = "bench-start"
ROUNDS = 7

# The hub only has to say its version, and to take the server's reports.
PROGRAM = f"""
import json, os, socket, statistics, subprocess, threading, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Hub(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{{}}")
    do_POST = do_GET
    def log_message(self, *_):
        pass

hub = HTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=hub.serve_forever, daemon=True).start()
api = f"http://127.0.0.1:{{hub.server_port}}/hub/api"

def cpu_seconds(name, *options):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    told = dict(API_URL=api, ACTIVITY_URL=api, API_TOKEN="none", USER="user", CLIENT_ID="user", HOST="",
        BASE_URL="/", SERVICE_PREFIX="/user/user/", SERVICE_URL=f"http://127.0.0.1:{{port}}/user/user/",
        OAUTH_CALLBACK_URL="/user/user/oauth_callback", SERVER_NAME="")
    environment = dict(os.environ, HOME="/tmp", **{{f"JUPYTERHUB_{{key}}": value for key, value in told.items()}})
    command = [f"/opt/jupyter/bin/{{name}}", "--allow-root", f"--ServerApp.port={{port}}", *options]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    try:
        while True:
            assert server.poll() is None and time.monotonic() < deadline, f"{{name}} does not listen"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        ticks = open(f"/proc/{{server.pid}}/stat").read().rsplit(")", 1)[1].split()[11:15]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    finally:
        server.kill()
        server.wait()

pairs = [(cpu_seconds("jupyterhub-singleuser"), cpu_seconds("jupyter-lab", "--no-browser")) for _ in range({ROUNDS})]
print(json.dumps([statistics.median(column) for column in zip(*pairs)]))
"""


def measure(own: World) -> Outcome:
    """Build what is not there yet, and start both in turn."""
    ok(own.invoke("build", "--env", "dev_dummyauth", "--instance", INSTANCE))
    images = own.podman("images", "--format={{.Repository}}:{{.Tag}}").split()
    image = next(name for name in images if "brics_slurm:" in name and name.endswith(f"-{INSTANCE}"))
    command = ("run", "--rm", "--network=none", "--entrypoint=/opt/jupyter/bin/python", image, "-c", PROGRAM)
    server, lab = json.loads(own.podman(*command))
    return Outcome(
        [
            Figure("start of a notebook server, time of CPU", server, "s"),
            Figure(
                "start of a notebook server, time of CPU",
                server / lab,
                compared_with="JupyterLab without a hub",
            ),
        ]
    )
