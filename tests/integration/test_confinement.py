"""What the containers may and may not do."""

from __future__ import annotations

import pytest

from tests.support.commands import ok
from tests.support.processes import status_fields
from tests.support.running_instance import RunningInstance

PODMANS_DEFAULT = 0x800405FB
"""chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, sys_chroot, setfcap."""

NET_BIND_SERVICE = 1 << 10


def status_of_process_1(running: RunningInstance, container: str) -> dict[str, str]:
    return status_fields(ok(running.run(container, "cat", "/proc/1/status")).stdout)


@pytest.mark.parametrize(
    ("container", "uid"), [("jupyterhub", "10000"), ("configurable-http-proxy", "10003")]
)
def test_hub_and_its_proxy_are_nobody_special(running: RunningInstance, container: str, uid: str) -> None:
    status = status_of_process_1(running, container)
    assert set(status["Uid"].split() + status["Gid"].split()) == {uid}
    capabilities = {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")}
    assert capabilities == {NET_BIND_SERVICE}
    assert status["NoNewPrivs"] == "1"
    everyone = running.run(container, "sh", "-c", "cat /proc/[0-9]*/status | grep ^Uid: | sort -u").stdout
    assert set(everyone.split()) == {"Uid:", uid}


@pytest.mark.parametrize("container", ["jupyterhub", "configurable-http-proxy"])
def test_roots_of_hub_and_proxy_are_read_only(running: RunningInstance, container: str) -> None:
    for place in ("/", "/etc", "/usr/local/bin", "/etc/brics/deploy", "/opt"):
        done = running.run(container, "touch", f"{place}/x", user="root")
        assert done.status != 0, place
    mounts = running.run(container, "cat", "/proc/1/mounts").stdout
    root = next(line.split() for line in mounts.splitlines() if line.split()[1] == "/")
    assert "ro" in root[3].split(",")


def test_slurm_has_podmans_default_capabilities_and_no_more(running: RunningInstance) -> None:
    status = status_of_process_1(running, "slurm")
    for name in ("CapEff", "CapPrm", "CapBnd"):
        assert int(status[name], 16) & ~PODMANS_DEFAULT == 0, status[name]
    host = running.container("slurm").attrs["HostConfig"]
    assert not host["Privileged"]
    assert not host["CapAdd"]


@pytest.mark.parametrize("container", ["jupyterhub", "slurm"])
def test_shares_no_namespace_with_the_host(running: RunningInstance, container: str) -> None:
    host = running.container(container).attrs["HostConfig"]
    assert "host" not in {host["PidMode"], host["IpcMode"], host["NetworkMode"], host["UTSMode"]}
    mounts = running.container(container).attrs["Mounts"]
    places = {mount["Destination"]: mount.get("Source", "") for mount in mounts if mount["Type"] == "bind"}
    assert not [place for place in places.values() if place.endswith(".sock")]


@pytest.mark.parametrize("container", ["jupyterhub", "slurm"])
def test_time_is_utc(running: RunningInstance, container: str) -> None:
    assert ok(running.run(container, "date", "+%Z")).stdout.strip() == "UTC"


@pytest.mark.parametrize(
    ("container", "path", "owner", "mode"),
    [
        ("jupyterhub", "/srv/jupyterhub", "jupyterhub", "700"),
        ("jupyterhub", "/srv/jupyterhub/jupyterhub.sqlite", "jupyterhub", "6.*"),
        ("jupyterhub", "/srv/jupyterhub/jupyterhub_cookie_secret", "jupyterhub", "600"),
        ("jupyterhub", "/srv/jupyterhub/jupyterhub_crypt_key", "jupyterhub", "600"),
        ("jupyterhub", "/var/log/jupyterhub", "jupyterhub", "750"),
        ("slurm", "/var/lib/munge", "munge", "700"),
        ("slurm", "/var/lib/munge/munge.key", "munge", "400"),
        ("slurm", "/var/spool/slurm/slurmctld", "slurm", "700"),
        ("slurm", "/var/spool/slurm/slurmd", "root", "755"),
        ("slurm", "/etc/brics/ssh-host-key/ssh_host_ed25519_key", "root", "400"),
        ("slurm", "/home/project1/testuser.project1", "testuser.project1", "700"),
        ("slurm", "/home/project2/testuser.project2", "testuser.project2", "700"),
        ("slurm", "/home/project1/otheruser.project1", "otheruser.project1", "700"),
    ],
)
def test_owner_and_mode(running: RunningInstance, container: str, path: str, owner: str, mode: str) -> None:
    found = ok(running.run(container, "stat", "--dereference", "--format=%U %a", path)).stdout.split()
    assert found[0] == owner
    assert found[1].startswith(mode.removesuffix(".*")) if mode.endswith(".*") else found[1] == mode


def test_state_and_logs_are_in_the_volumes(running: RunningInstance) -> None:
    for container, places in {
        "jupyterhub": {"/srv/jupyterhub", "/var/log/jupyterhub"},
        "slurm": {"/home", "/var/log/slurm", "/var/spool/slurm", "/var/lib/munge"},
    }.items():
        volume = running.instance.named(f"{container}_root")
        mounts = running.container(container).attrs["Mounts"]
        assert places <= {
            m["Destination"] for m in mounts if m.get("Name") == volume or volume in m["Source"]
        }


def test_the_hub_comes_first_when_the_cpus_are_busy(running: RunningInstance) -> None:
    shares = {
        name: running.container(name).attrs["HostConfig"]["CpuShares"] for name in ("jupyterhub", "slurm")
    }
    assert shares == {"jupyterhub": 0, "slurm": 102}  # 0: the usual 1024
    nice = {
        daemon: {*map(int, running.slurm("ps", "--no-headers", "-o", "ni", "-C", daemon).split())}
        for daemon in ("slurmctld", "slurmd")
    }
    (usual,) = nice["slurmctld"]  # that of whoever runs podman
    assert nice["slurmd"] == {max(usual, 10)}


def test_accounts_are_those_of_dev_users(running: RunningInstance) -> None:
    group = running.slurm("getent", "group", "jupyterusers").strip().split(":")[3]
    assert sorted(group.split(",")) == ["otheruser.project1", "testuser.project1", "testuser.project2"]
    shadow = running.slurm("cat", "/etc/shadow")
    with_password = [line for line in shadow.splitlines() if line.split(":")[1].startswith("$")]
    assert not with_password, "somebody could sign in with a password"


def test_databases_hold_no_token_in_clear(running: RunningInstance) -> None:
    code = (
        "import sqlite3; db = sqlite3.connect('file:/srv/jupyterhub/jupyterhub.sqlite?mode=ro', uri=True);"
        "print([row[0] for row in db.execute('select hashed from api_tokens')],"
        "[row[0] for row in db.execute('select encrypted_auth_state from users where name=\"testuser\"')])"
    )
    shown = running.hub("python3", "-c", code)
    assert "project1" not in shown
