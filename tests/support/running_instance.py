"""A running instance as its owner has it: invoke's commands, and its containers through podman's socket."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.models.containers import Container

from brics_envs.effects import podman
from brics_envs.effects.process import Completed
from brics_envs.plan.names import Instance
from tests.support.checkout import PROJECT
from tests.support.commands import ok, run_podman
from tests.support.hub_client import HubClient
from tests.support.waiting import wait_for

UP_DEADLINE_S = 2400.0
"""For the very first `up`, which builds the images."""

EXEC_DEADLINE_S = 300.0
"""For any one command in a container."""


def instance_option(instance: Instance) -> tuple[str, ...]:
    """invoke's option that names an instance; the default one needs none."""
    return () if instance == Instance() else ("--instance", instance.name)


@contextmanager
def podman_service(directory: Path) -> Iterator[docker.DockerClient]:
    """docker-py on the socket of a podman service that lives as long.

    :param directory: where the socket is made.
    """
    socket = directory / "podman.sock"
    log = directory / "service.log"
    with log.open("wb") as output:
        service = subprocess.Popen(
            ["podman", "system", "service", "--time=0", f"unix://{socket}"],
            env={**os.environ, **podman.environment()},
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: socket.exists() or service.poll() is not None, "podman's socket")
        assert service.poll() is None, f"podman's service ended: {log.read_text()}"
        client = docker.DockerClient(base_url=f"unix://{socket}", timeout=120)
        yield client
        client.close()
    finally:
        service.terminate()
        service.wait(20)


@dataclass(frozen=True)
class RunningInstance:
    """An instance that ``invoke up`` has brought up; ``output`` is what that printed."""

    instance: Instance
    port: int
    podman: docker.DockerClient
    output: str

    @property
    def url(self) -> str:
        """JupyterHub's address, with the base URL."""
        return f"http://127.0.0.1:{self.port}/jupyter"

    @property
    def directory(self) -> Path:
        """The instance's generated files."""
        return self.instance.directory(PROJECT)

    @property
    def password(self) -> str:
        """The generated password."""
        return (self.directory / "password").read_text()

    @property
    def option(self) -> tuple[str, ...]:
        """invoke's option that names this instance."""
        return instance_option(self.instance)

    def client(self, user: str = "") -> HubClient:
        """A new browser session; with a user's name, signed in as that user."""
        client = HubClient(self.url)
        if user:
            client.sign_in(user, self.password)
            assert client.signed_in, f"{user} cannot sign in"
        return client

    def hub_answers(self) -> bool:
        """Whether JupyterHub answers where users find it."""
        try:
            return HubClient(self.url).get("/hub/health").status_code == 200
        except OSError:
            return False

    # -- containers

    def container(self, name: str) -> Container:
        """The container ``jupyterhub`` or ``slurm``, as it is now."""
        return self.podman.containers.get(self.instance.container(name))

    def run(
        self, container: str, *command: str, user: str = "", environment: Mapping[str, str] | None = None
    ) -> Completed:
        """Run a command in a container, by default as the container's own user."""
        # Not with docker-py's exec_start, which loses output at times (brics_envs/effects/containers.py says why).
        options = [f"--user={user}"] if user else []
        options += [f"--env={name}={value}" for name, value in (environment or {}).items()]
        whole = ["podman", "exec", *options, self.instance.container(container), *command]
        return run_podman(whole, {**os.environ, **podman.environment()}, EXEC_DEADLINE_S)

    def slurm(self, *command: str, user: str = "") -> str:
        """The output of a command that succeeds in the Slurm container."""
        return ok(self.run("slurm", *command, user=user)).stdout

    def hub(self, *command: str) -> str:
        """The output of a command that succeeds in the hub's container."""
        return ok(self.run("jupyterhub", *command)).stdout

    def ssh(self, *remote: str, options: Sequence[str] = (), stdin: str = "") -> Completed:
        """Run a command at Slurm over SSH from the hub's container, with the hub's own key and settings."""
        command = ["timeout", "30", "ssh", "-F", "/etc/brics/ssh/ssh_config", *options, "slurm", *remote]
        return self.run("jupyterhub", "sh", "-c", f"printf %s {shlex.quote(stdin)} | {shlex.join(command)}")

    # -- Slurm

    def jobs(self, user: str = "") -> list[str]:
        """The IDs of all jobs in the queue that are not over, or of a user's."""
        of_user = [f"--user={user}"] if user else []
        return self.slurm("squeue", "--noheader", "--format=%i", *of_user).split()

    def job_field(self, job: str, name: str) -> str:
        """What ``squeue -O NAME`` shows of a job."""
        return self.slurm("squeue", "--noheader", "--jobs", job, "-O", f"{name}:100").strip()

    def job_state(self, job: str) -> str:
        """A job's state in Slurm's words, also of one that has just ended; never COMPLETING, which every end passes."""

        def settled() -> str:
            shown = self.slurm("scontrol", "show", "job", job)
            state = dict(word.split("=", 1) for word in shown.split() if "=" in word)["JobState"]
            return "" if "COMPLETING" in state else state

        return wait_for(settled, f"job {job} has completed")

    def cancel(self, *jobs: str) -> None:
        """Cancel jobs, and wait until they have left the queue."""
        for job in jobs:
            self.slurm("scancel", job)
        wait_for(lambda: not {*jobs} & {*self.jobs()}, "the cancelled jobs have left the queue")

    def takes_jobs(self) -> bool:
        """Whether Slurm's controller answers and all of its nodes are in order."""
        states = self.run("slurm", "sinfo", "--noheader", "--format=%T").stdout.split()
        return bool(states) and set(states) <= {"idle", "mixed", "allocated"}

    def wait_for_slurm(self) -> None:
        """Wait until Slurm takes jobs and the hub reaches it: a daemon that is there may not listen yet."""
        wait_for(self.takes_jobs, "Slurm takes jobs")
        wait_for(lambda: self.ssh("true").status == 0, "the hub reaches Slurm")

    # -- daemons of the Slurm container

    def pid(self, daemon: str) -> int:
        """The process ID of a daemon, by the name of its program: its oldest process; 0 if there is none."""
        script = 'for p in /proc/[0-9]*; do read -r n <$p/comm && [ "$n" = "$0" ] && echo ${p#/proc/}; done'
        found = self.run("slurm", "sh", "-c", f"{script} 2>/dev/null", daemon).stdout.split()
        return min(map(int, found), default=0)

    @contextmanager
    def stopped(self, daemon: str) -> Iterator[None]:
        """Keep a daemon down, with the connections that it has open, while the ``with`` block lasts."""
        service = f"/run/service/{daemon}"
        self.slurm("s6-svc", "-wD", "-T", "60000", "-d", service)
        while rest := self.pid(f"{daemon}-session") or self.pid(daemon):
            self.run("slurm", "kill", "-9", str(rest))
        try:
            yield
        finally:
            self.slurm("s6-svc", "-u", service)
            wait_for(lambda: self.pid(daemon), f"{daemon} is up again")
            self.wait_for_slurm()
