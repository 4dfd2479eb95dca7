"""Run a command where it meets nothing of this machine's podman.

It gets a copy of the checkout, a podman storage, and network and mount namespaces of its own, so that the same names
and ports can be used there a second time. Run as a program it takes the command as arguments; at Ctrl-C the command
is interrupted, and cleared up after.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.checkout import PROJECT
from tests.support.world import LARGE, World, world

BENCHMARKING = ipaddress.IPv4Network("198.18.0.0/15")
"""For tests of networks, in use nowhere else (RFC 2544, RFC 5735)."""

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def obstacle() -> str:
    """Why it cannot be done on this machine; empty if it can."""
    if os.geteuid() != 0:
        return "namespaces with a way out need root"
    missing = [name for name in ("ip", "nft", "nsenter", "unshare") if not shutil.which(name)]
    if missing:
        return f"no {', '.join(missing)} on PATH"
    lines = [line.split() for line in Path("/etc/resolv.conf").read_text().splitlines()]
    if any(words[0] == "nameserver" and words[1].startswith("127.") for words in lines if len(words) > 1):
        return "the name server listens on loopback alone"
    return ""


@contextmanager
def namespaces() -> Iterator[tuple[str, ...]]:
    """Network and mount namespaces with a way to this machine's networks; yields the command that enters them."""
    name = f"brics-{secrets.token_hex(4)}"
    block = _random_block()
    here, there = block.hosts()
    # Netavark keeps the leases of all storages in one place.
    leases = "/run/containers/networks"
    Path(leases).mkdir(parents=True, exist_ok=True)
    script = f"mount -t tmpfs none {leases}\necho\nexec sleep infinity"
    holder = subprocess.Popen(
        ["unshare", "--net", "--mount", "--propagation=private", "sh", "-euc", script], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline(), "the namespaces could not be made"
        enter = ("nsenter", f"--target={holder.pid}", "--net", "--mount")
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "uplink", "netns", str(holder.pid))
        _run("ip", "address", "add", f"{here}/30", "dev", name)
        _run("ip", "link", "set", name, "up")
        _run(*enter, "ip", "link", "set", "lo", "up")
        _run(*enter, "ip", "address", "add", f"{there}/30", "dev", "uplink")
        _run(*enter, "ip", "link", "set", "uplink", "up")
        _run(*enter, "ip", "route", "add", "default", "via", str(here))
        _run("nft", f"table ip {name} {{ chain out {{ type nat hook postrouting priority srcnat; }}; }}")
        _run("nft", f"add rule ip {name} out ip saddr {block} masquerade")
        FORWARDING.write_text("1")  # as podman does for its own networks, and leaves it
        yield enter
    finally:
        holder.kill()
        holder.wait()
        for command in (["nft", "delete", "table", "ip", name], ["ip", "link", "delete", name]):
            subprocess.run(command, capture_output=True)


def _random_block() -> ipaddress.IPv4Network:
    """Two addresses that no other run is likely to have taken."""
    blocks = 2 ** (30 - BENCHMARKING.prefixlen)
    return ipaddress.IPv4Network((int(BENCHMARKING[0]) + 4 * secrets.randbelow(blocks), 30))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


@contextmanager
def apart() -> Iterator[World]:
    """A world without images, in namespaces of its own; its checkout has the project's history and packages."""
    with world(with_images=False, name="apart") as made, namespaces() as enter:
        # As in a checkout where somebody works.
        _run("cp", "--recursive", str(PROJECT / ".git"), str(made.root))
        (made.root / ".venv").symlink_to(sys.prefix)
        # Not below the world's own: sockets' paths must be short.
        environment = {**made.environment, "TMPDIR": os.environ.get("TMPDIR", LARGE)}
        inside = World(made.root, environment, (*enter, f"--wdns={made.root}"))
        try:
            yield inside
        finally:
            inside.podman("pod", "rm", "--all", "--force", "--time=0", check=False)


def main(command: Sequence[str]) -> int:
    """Run the command; returns its exit status."""
    with apart() as place:
        # A session of its own: what is sent to this process reaches the command once.
        process = subprocess.Popen(
            [*place.enter, *command], env=dict(place.environment), start_new_session=True
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: process.send_signal(signal.SIGINT))
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
