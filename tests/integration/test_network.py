"""What listens where: nothing but the sign-in port leaves the pod's loopback, and that only for this machine."""

from __future__ import annotations

import ipaddress
import socket
import struct

import pytest
from docker.models.containers import Container

from tests.support.hub_client import HubClient
from tests.support.running_instance import RunningInstance

PROXY = 8000
LISTEN = "0A"
INSIDE = {"sshd": 22, "hub": 8081, "proxy's API": 8001, "slurmctld": 6817, "slurmd": 6818}


def listeners(running: RunningInstance) -> set[tuple[str, int]]:
    """(address, port) of every TCP socket that listens in the pod's network namespace, as the kernel has it."""
    found = set()
    for line in running.slurm("cat", "/proc/net/tcp", "/proc/net/tcp6").splitlines():
        words = line.split()
        if len(words) > 3 and words[3] == LISTEN:
            address, port = words[1].split(":")
            found.add((str(as_address(address)), int(port, 16)))
    return found


def as_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address as /proc/net/tcp writes it: words of 32 bits in hexadecimal, in this machine's byte order."""
    numbers = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    return ipaddress.ip_address(struct.pack(f"={len(numbers)}I", *numbers))


def pod_address(running: RunningInstance) -> str:
    """The pod's own address on its network."""
    networks = infra_container(running).attrs["NetworkSettings"]["Networks"]
    address: str = networks[running.instance.network]["IPAddress"]
    return address


def infra_container(running: RunningInstance) -> Container:
    """The pod's own container, which has its network."""
    mode: str = running.container("slurm").attrs["HostConfig"]["NetworkMode"]
    return running.podman.containers.get(mode.removeprefix("container:"))


def connects(running: RunningInstance, address: str, port: int) -> bool:
    """Whether a TCP connection from inside the pod succeeds."""
    code = f"import socket; socket.create_connection(({address!r}, {port}), 5)"
    done = running.run("slurm", "python3", "-c", code)
    assert done.status == 0 or "ConnectionRefusedError" in done.stderr, done.stderr
    return done.status == 0


def test_everything_but_the_proxy_listens_on_loopback(running: RunningInstance, testuser: HubClient) -> None:
    testuser.start(brics_project="project1.brics")
    with testuser.kernel() as kernel:
        kernel.run("print(1)")
        there = listeners(running)
    ports = {port for _, port in there}
    assert ports >= {PROXY, *INSIDE.values()}, f"something does not listen, or was not found: {there}"
    exposed = {port for address, port in there if not ipaddress.ip_address(address).is_loopback}
    assert exposed == {PROXY}
    # The notebook's own port is among those that were looked at; its kernel has none.
    notebook = {port for port in ports if port not in (PROXY, *INSIDE.values())}
    assert notebook
    address = pod_address(running)
    assert connects(running, address, PROXY), "this test would see no open port"
    for port in (*INSIDE.values(), min(notebook)):
        assert not connects(running, address, port), port


def test_nothing_but_the_sign_in_port_is_published(running: RunningInstance) -> None:
    bindings = infra_container(running).attrs["HostConfig"]["PortBindings"]
    assert bindings == {f"{PROXY}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(running.port)}]}


def test_sign_in_port_is_on_loopback_alone(running: RunningInstance) -> None:
    with socket.create_connection(("127.0.0.1", running.port), 5):
        pass
    for address in other_addresses():
        with pytest.raises(OSError), socket.create_connection((address, running.port), 5):  # noqa: PT011
            pass


def other_addresses() -> list[str]:
    """Addresses of this machine besides 127.0.0.1."""
    found = {"::1", "127.0.0.2"}
    for target in ("192.0.2.1", "2001:db8::1"):
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((target, 9))  # sends nothing: only chooses the address
                found.add(probe.getsockname()[0])
            except OSError:
                continue
    return sorted(found)
