"""Wait until an instance works: a deadline, an interval and, when time is up, the reason and the log.

May import: errors, plan, effects, lifecycle.observe, lifecycle.instance_files.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from dataclasses import dataclass

from brics_envs.effects.podman import podman
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.instance_files import Applied
from brics_envs.lifecycle.observe import observe_pod
from brics_envs.plan.names import Instance

DEADLINE_S = 180.0
"""Seconds for everything to become ready; machines differ, and a slow one is not an error."""

INTERVAL_S = 0.2
MAX_RESTARTS = 3
"""A container that has been restarted more often than this while we wait will not come up."""

LOG_LINES = 20

Probe = Callable[[], str]
"""Returns what is still missing, in words, or an empty string when it is there."""


@dataclass(frozen=True)
class Check:
    """Something that has to be true of a ready instance, and the container whose log explains why it is not."""

    name: str
    container: str
    probe: Probe


def wait_until_ready(instance: Instance, checks: list[Check], deadline_s: float = DEADLINE_S) -> None:
    """Wait until every check holds.

    :raises EnvsError: time is up, or a container keeps ending; with what is missing and its last log lines.
    """
    end = time.monotonic() + deadline_s
    for check in checks:
        polls = 0
        while missing := check.probe():
            polls += 1
            if time.monotonic() > end:
                raise _not_ready(
                    instance, check.container, f"{check.name} after {deadline_s:.0f} s: {missing}"
                )
            if polls % 10 == 0:
                _refuse_ended_containers(instance)
            time.sleep(INTERVAL_S)


def checks_for(instance: Instance, containers: Collection[str], applied: Applied) -> list[Check]:
    """The checks of an instance with these containers, in the order in which they usually come true."""
    checks = []
    if "slurm" in containers:
        checks.append(Check("Slurm has an idle node", "slurm", lambda: node_missing(instance)))
    if "issuer" in containers:
        discovery = f"{applied.issuer}/.well-known/openid-configuration"
        checks.append(Check("the issuer answers", "issuer", lambda: page_missing(discovery)))
    health = f"{applied.url}hub/health"
    checks.append(Check("JupyterHub answers", "jupyterhub", lambda: page_missing(health)))
    if applied.account:
        checks.append(
            Check(
                "the hub reaches Slurm over SSH",
                "jupyterhub",
                lambda: ssh_missing(instance, applied.account, applied.wrappers),
            )
        )
    return checks


def page_missing(url: str) -> str:
    """What keeps a page on this machine from answering."""
    # Straight to loopback, whatever proxy the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5):
            return ""
    except (urllib.error.URLError, OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def node_missing(instance: Instance) -> str:
    """What keeps Slurm from having a node that takes jobs."""
    done = podman(
        "exec", instance.container("slurm"), "sinfo", "--noheader", "--format=%T", timeout_s=20, check=False
    )
    states = set(done.stdout.split())
    if done.status == 0 and states & {"idle", "mixed", "allocated"}:
        return ""
    return done.stderr.strip() or f"sinfo shows {', '.join(states) or 'no nodes'}"


def ssh_missing(instance: Instance, account: str, wrappers: str) -> str:
    """What keeps the hub from asking Slurm for a job over SSH, as the spawner does."""
    remote = ["sudo", "-n", "-u", account, "SLURMSPAWNER_JOB_ID=1", f"{wrappers}/slurmspawner_squeue"]
    # The spawner's own prefix, from the hub's own files: what is tried is what will be used.
    ssh = [
        "sh",
        "-c",
        'exec timeout --verbose 15 ssh -F /etc/brics/ssh/ssh_config -o HostName="$(cat /etc/brics/deploy/sshHostname)"'
        ' slurm "$@"',
        "ssh",
    ]
    done = podman("exec", instance.container("jupyterhub"), *ssh, *remote, timeout_s=30, check=False)
    # Slurm's own "no such job" is an answer: everything on the way to it works.
    if done.status == 0 or "Invalid job id specified" in done.stderr:
        return ""
    return done.stderr.strip() or f"exit status {done.status}"


def last_log_lines(instance: Instance, container: str) -> str:
    """The last lines of a container's log, or why there are none."""
    done = podman("logs", "--tail", str(LOG_LINES), instance.container(container), timeout_s=20, check=False)
    return (done.stdout + done.stderr).strip()


def _refuse_ended_containers(instance: Instance) -> None:
    pod = observe_pod(instance)
    if pod is None:
        raise EnvsError(f"pod {instance.pod} was removed while it was starting", hint="run `invoke up` again")
    for container in pod.containers:
        if container.restarts > MAX_RESTARTS:
            raise _not_ready(instance, container.name, f"container {container.name} keeps ending")


def _not_ready(instance: Instance, container: str, what: str) -> EnvsError:
    option = "" if instance == Instance() else f" --instance {instance.name}"
    log = "\n".join(f"  {line}" for line in last_log_lines(instance, container).splitlines())
    return EnvsError(
        f"not ready: {what}\nlast lines of the log of {container}:\n{log}",
        hint=f"`invoke logs{option}` shows all logs; `invoke up` tries again, `invoke down{option}` removes it all",
    )
