"""What SSH adds to the start of a server: the same spawner, with its commands run on Slurm's host in another way.

There, a process of the service account takes them from the pod's loopback and runs them, `sudo sbatch` included. Both
ways are taken in turn.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from brics_envs.plan.names import Instance
from tests.benchmarks.figures import Figure, Outcome
from tests.support.ports import free_port
from tests.support.world import One, World

BLOCKS, STARTS = 3, 7
"""The first start of a block does not count: the hub has just been started."""
PORT = 8190
"""In the pod, one of those that jobs choose from."""

RELAY = f"""
import json, socketserver, subprocess
class Command(socketserver.StreamRequestHandler):
    def handle(self):
        words, given = json.loads(self.rfile.readline())
        done = subprocess.run(words, input=given, capture_output=True, text=True)
        self.wfile.write(json.dumps([done.returncode, done.stdout, done.stderr]).encode())
class Relay(socketserver.ThreadingTCPServer):
    allow_reuse_address, request_queue_size = True, 64
Relay(("127.0.0.1", {PORT}), Command).serve_forever()
"""

# SSH gives the host's shell the words with blanks between them; so does this.
CLIENT = f"""
import json, shlex, socket, sys
sys.path.insert(0, "/etc/brics/ssh")
import on_slurm_host
words, given = sys.argv[1:], ""
if words[-1].endswith(on_slurm_host.SUBMIT):
    on_slurm_host.hand_over_environment()
    given = sys.stdin.read()
with socket.create_connection(("127.0.0.1", {PORT})) as relay:
    relay.sendall(json.dumps([["sh", "-c", shlex.join(words)], given]).encode() + b"\\n")
    status, out, err = json.load(relay.makefile())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""

LAYER = f"""
from pathlib import Path
from bricsauthenticator import commands
CLIENT = Path("/tmp/without_ssh.py")
CLIENT.write_text({CLIENT!r})
run = commands.run
commands.run = lambda command, **options: run(
    command.replace("/etc/brics/ssh/on_slurm_host.py", str(CLIENT)), **options
)
"""
"""Of the hub's configuration."""


def measure(own: World) -> Outcome:
    """Start servers in blocks, with SSH and without."""
    one = One(own, Instance("bench-ssh"), free_port())
    one.up()
    try:
        slurm = one.instance.container("slurm")
        own.podman("exec", "--detach", "--user=jupyterspawner", slurm, "python3", "-c", RELAY)
        with_ssh: list[float] = []
        without: list[float] = []
        for _ in range(BLOCKS):
            with_ssh += block(one, "")
            without += block(one, LAYER)
    finally:
        one.down()
    ratio = statistics.median(with_ssh) / statistics.median(without)
    return Outcome(
        [
            Figure("start of a server", statistics.median(with_ssh), "s"),
            Figure("start of a server", ratio, "", "the same without SSH", 1.1),
        ]
    )


def block(one: One, layer: str) -> list[float]:
    """Seconds from the form to ready of each of some starts, of a hub with that layer of configuration."""
    one.world.write("config/dev_dummyauth/jupyterhub_config.local.py", layer)
    one.up("--yes")
    client = one.client()
    taken = []
    with no_ssh(one) if layer else nullcontext():
        for _ in range(STARTS):
            taken.append(client.start())
            client.stop()
    return taken[1:]


@contextmanager
def no_ssh(one: One) -> Iterator[None]:
    """Whoever takes the way over SSH fails while the ``with`` block lasts."""
    service = "/run/service/sshd"
    one.run("slurm", "s6-svc", "-wD", "-d", service)
    one.run("slurm", "sh", "-c", "pkill -KILL '^sshd' || true")
    try:
        yield
    finally:
        one.run("slurm", "s6-svc", "-wu", "-u", service)
