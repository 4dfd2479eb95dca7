"""Slurm is away, or the way to it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.faults.causes.processes import killed
from tests.integration.faults.fault import Cause
from tests.integration.faults.scene import PROJECT, SECOND_USER, Scene
from tests.support.waiting import wait_for


def away(daemon: str) -> Cause:
    """Keep a daemon of the Slurm container down, and the connections that it had."""

    @contextmanager
    def cause(scene: Scene) -> Iterator[None]:
        with scene.real.stopped(daemon):
            yield

    return cause


@contextmanager
def network_lost(scene: Scene) -> Iterator[None]:
    """Drop every packet between the hub and sshd, as a network that is away does."""
    slurm = scene.real.instance.container("slurm")

    def nft(rules: str) -> None:
        # The container itself may not change the pod's network.
        scene.podman("exec", "--privileged", "--user=0", slurm, "nft", rules)

    hook = "{ type filter hook output priority -10; tcp dport 22 drop; tcp sport 22 drop; }"
    nft(f"table inet faults {{\nchain lost {hook}\n}}\n")
    try:
        yield
    finally:
        nft("delete table inet faults")


@contextmanager
def other_host_key(scene: Scene) -> Iterator[None]:
    """Another sshd answers in the place of the one that the hub knows."""
    real, key, config = scene.real, "/run/another_key", "/etc/brics/slurm/sshd_config"
    real.slurm("sh", "-c", f"rm -f {key}* && ssh-keygen -q -t ed25519 -N '' -f {key}")
    with real.stopped("sshd"):
        # The first HostKey counts for its type: the setting on the command line comes before the file's.
        real.slurm("sh", "-c", f"sed 's,^HostKey .*,HostKey {key},' {config} >/run/another_sshd")
        real.slurm("/usr/sbin/sshd", "-f", "/run/another_sshd", "-o", "PidFile=/run/another_sshd.pid")
        wait_for(lambda: "verification failed" in real.ssh("true").stderr, "the hub meets another key")
        try:
            yield
        finally:
            real.slurm("sh", "-c", "kill $(cat /run/another_sshd.pid)")


@contextmanager
def client_key_refused(scene: Scene) -> Iterator[None]:
    """Take the hub's key from those that sshd lets in, and end the connections that there are."""
    real, keys = scene.real, "/etc/ssh/authorized_keys.d/jupyterspawner"
    text = real.slurm("cat", keys)
    real.slurm("sh", "-c", f": >{keys}; pkill -f '^sshd(-session)?: jupyterspawner' || true")
    wait_for(lambda: "Permission denied" in real.ssh("true").stderr, "sshd refuses the key")
    try:
        yield
    finally:
        real.slurm("sh", "-c", f"printf %s '{text}' >{keys}")


@contextmanager
def killed_after_a_job(scene: Scene) -> Iterator[None]:
    """Kill the controller when a job has just ended, which it saves every few seconds only."""
    client = scene.real.client(SECOND_USER)
    client.stop()
    client.start(brics_project=PROJECT)
    client.stop()
    with controller_killed(scene):
        yield


@contextmanager
def controller_killed(scene: Scene) -> Iterator[None]:
    """Kill the controller when it has saved that the user's job runs: a job that it has not saved is lost."""
    real, saved = scene.real, "/var/spool/slurm/slurmctld/job_state"
    (before,) = real.slurm("date", "+%s.%N").split()
    real.slurm("scontrol", "update", f"JobId={scene.job}", "AdminComment=saved")
    wait_for(
        lambda: real.slurm("stat", "--format=%.9Y", saved).strip() > before,
        "the controller has saved its jobs",
    )
    with killed("slurmctld")(scene):
        yield
