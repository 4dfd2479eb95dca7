"""Wait until an instance works: a deadline, an interval and, when time is up, the reason and the log.

May import: errors, plan, effects, lifecycle.observe, lifecycle.tunnels.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from brics_envs.effects import interrupts
from brics_envs.effects.containers import execute, output
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.observe import observe_pod
from brics_envs.lifecycle.tunnels import TUNNEL_PROBES
from brics_envs.plan.log_lines import Wanted
from brics_envs.plan.names import HUB_PROXY_CONTAINER, Instance
from brics_envs.plan.ports import HUB_PROXY_PORT, LOOPBACK, SIGN_IN_PORT, SLURMDBD_PORT, loopback_url
from brics_envs.plan.record import Record

DEADLINE_S = 180.0
"""Seconds for everything to become ready; machines differ, and a slow one is not an error."""

INTERVAL_S = 0.2
MAX_RESTARTS = 3
"""A container that has been restarted more often than this while we wait will not come up."""

EXTERNAL_DEADLINE_S = 30.0
"""Seconds for a Slurm host that this command did not start: it answers, or it does not."""

TUNNEL_DEADLINE_S = 60.0
"""Seconds for a tunnel; a server that has just lost its client may keep the port for a while."""

REFUSALS = {
    "Host key verification failed": "the host key of {host} is not the one in ssh_known_hosts",
    "Permission denied (publickey": "{host} does not let the service account in with ssh_client_key",
    "password is required": "sudo on {host} does not let the service account run {wrapper}{as_account}",
    "unknown user": "{host} has no account {account}",
}
"""Messages of ssh and sudo, and what they mean here. With a host that has long been set up, no waiting changes them."""

UNREACHABLE = (
    # Of timeout(1): a connection that had been there does not answer any more.
    "sending signal TERM to command",
    "Connection refused",
    "timed out",
    "No route to host",
    "unreachable",
    "Connection closed",
)
"""Messages when nothing answers at Slurm's host."""

MEANINGS = {
    **REFUSALS,
    "Could not resolve hostname": "{host} cannot be found",
    **dict.fromkeys(UNREACHABLE, "{host} cannot be reached over SSH"),
}
"""What is in a message → what it means; the first that fits."""

PROXIES = {HUB_PROXY_CONTAINER: HUB_PROXY_PORT, "proxy": SIGN_IN_PORT}
"""Container → where it listens in the pod."""

LOG_LINES = 20

ON_SLURM_HOST = ("python3", "-I", "-S", "/etc/brics/ssh/on_slurm_host.py")
"""The spawner's own prefix, in the hub's container: what is tried is what will be used."""

Probe = Callable[[], str]
"""Returns what is still missing, in words, or an empty string when it is there."""


@dataclass(frozen=True)
class Check:
    """Something that has to be true of a ready instance, and the container whose log explains why it is not.

    :param hopeless: words in the probe's answer with which there is nothing to wait for.
    """

    name: str
    container: str
    probe: Probe
    deadline_s: float = DEADLINE_S
    hopeless: Collection[str] = ()


def wait_until_ready(instance: Instance, checks: list[Check]) -> None:
    """Wait until every check holds, all within the longest of their deadlines, each within its own.

    :raises EnvsError: time is up, or a container keeps exiting; with what is missing and its last log lines.
    """
    restarts: Mapping[str, int] | None = None
    last = time.monotonic() + max(check.deadline_s for check in checks)
    for check in checks:
        began, polls = time.monotonic(), 0
        end = min(last, began + check.deadline_s)
        while missing := check.probe():
            polls += 1
            restarts = _restarts(instance) if restarts is None else restarts
            if time.monotonic() > end or any(words in missing for words in check.hopeless):
                waited = f"{time.monotonic() - began:.0f} s"
                raise _not_ready(instance, check.container, f"{check.name} after {waited}: {missing}")
            if polls % 10 == 0:
                _refuse_ended_containers(instance, restarts)
            interrupts.sleep(INTERVAL_S)


def checks_for(instance: Instance, containers: Collection[str], record: Record) -> list[Check]:
    """The checks of an instance with these containers, in the order in which they usually come true."""
    checks = []
    if "accounting" in containers:
        listens = partial(listener_missing, instance, SLURMDBD_PORT)
        checks.append(Check("slurmdbd listens", "accounting", listens))
        checks.append(Check("Slurm's accounting has the users", "slurm", lambda: users_missing(instance)))
    if "slurm" in containers:
        checks.append(Check("Slurm has an idle node", "slurm", lambda: node_missing(instance)))
    if "issuer" in containers:
        discovery = f"{record.issuer}/.well-known/openid-configuration"
        checks.append(Check("the issuer answers", "issuer", lambda: page_missing(discovery, record.ports)))
    for name, port in PROXIES.items():
        if name in containers:
            checks.append(Check(f"{name} listens", name, partial(proxy_missing, instance, record, port)))
    checks.append(Check("JupyterHub answers", "jupyterhub", lambda: hub_missing(instance, record)))
    external = "slurm" not in containers
    checks.append(
        Check(
            "the hub reaches Slurm over SSH",
            "jupyterhub",
            lambda: ssh_missing(instance, record),
            EXTERNAL_DEADLINE_S if external else DEADLINE_S,
            tuple(REFUSALS) if external else (),
        )
    )
    for container, tunnel in TUNNEL_PROBES.items():
        if container in containers:
            name, probe = f"the {tunnel.name} tunnel is open", partial(tunnel.missing, instance)
            checks.append(Check(name, container, probe, TUNNEL_DEADLINE_S, tunnel.hopeless))
    return checks


def hub_missing(instance: Instance, record: Record) -> str:
    """What keeps JupyterHub from answering: where users find it, or else, in the pod, where the tunnel does."""
    if record.url:
        return page_missing(f"{record.url}hub/health", record.ports)
    health = f"{loopback_url(SIGN_IN_PORT)}{record.base_url}hub/health"
    return _failure_in_pod(
        instance, "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=5)", health
    )


def proxy_missing(instance: Instance, record: Record, port: int) -> str:
    """What keeps one of the proxies from listening at its port in the pod."""
    # The hub is reached through all of them.
    return "" if hub_missing(instance, record) == "" else listener_missing(instance, port)


def listener_missing(instance: Instance, port: int) -> str:
    """What keeps something from listening at a port of the pod's loopback."""
    connect = f"import socket, sys; socket.create_connection(({LOOPBACK!r}, int(sys.argv[1])), 5)"
    return _failure_in_pod(instance, connect, str(port))


def _failure_in_pod(instance: Instance, program: str, argument: str) -> str:
    """How a Python program fails in the pod's network; empty if it does not."""
    command = ["python3", "-c", program, argument]
    done = execute(instance.container(HUB_PROXY_CONTAINER), *command, timeout_s=30)
    return "" if done.status == 0 else (done.stderr.strip().splitlines() or ["no answer"])[-1]


def page_missing(url: str, ports: Mapping[str, int]) -> str:
    """What keeps a page on this machine from answering.

    :param ports: as :attr:`Record.ports`.
    """
    parts = urlsplit(url)
    request = urllib.request.Request(  # noqa: S310 - http
        url if parts.netloc not in ports else f"{loopback_url(ports[parts.netloc])}{parts.path}",
        headers={"Host": parts.netloc},
    )
    # Straight to loopback, whatever proxy the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5):
            return ""
    except (urllib.error.URLError, OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def node_missing(instance: Instance) -> str:
    """What keeps Slurm from having a node that takes jobs."""
    done = execute(instance.container("slurm"), "sinfo", "--noheader", "--format=%T", timeout_s=20)
    states = set(done.stdout.split())
    if done.status == 0 and states & {"idle", "mixed", "allocated"}:
        return ""
    return done.stderr.strip() or f"sinfo shows {', '.join(states) or 'no nodes'}"


def users_missing(instance: Instance) -> str:
    """What keeps Slurm's accounting from having the users of dev_users."""
    service = execute(
        instance.container("slurm"), "s6-svstat", "-o", "ready", "/run/service/associations", timeout_s=20
    )
    return (
        "" if service.stdout.strip() == "true" else service.stderr.strip() or "they have not been added yet"
    )


def ssh_missing(instance: Instance, record: Record) -> str:
    """What keeps the hub from asking Slurm for a job over SSH, as the spawner does.

    Where no account is known it asks sudo whether it might.
    """
    wrapper = _squeue(record)
    if record.account:
        remote = ["sudo", "-n", "-u", record.account, "SLURMSPAWNER_JOB_ID=1", wrapper]
    else:
        remote = ["sudo", "-n", "--list"]
    done = execute(instance.container("jupyterhub"), *ON_SLURM_HOST, *remote, timeout_s=60)
    if done.status == 0 and not record.account:
        return "" if wrapper in done.stdout else _meaning(REFUSALS["password is required"], record)
    # Slurm's own "no such job" is an answer: everything on the way to it works.
    if done.status == 0 or "Invalid job id specified" in done.stderr:
        return ""
    return ssh_words(done.stderr.strip() or f"exit status {done.status}", record)


def ssh_words(stderr: str, record: Record) -> str:
    """What ssh's or sudo's message means here, with the message."""
    known = next((meaning for words, meaning in MEANINGS.items() if words in stderr), "")
    return f"{_meaning(known, record)} ({stderr.splitlines()[-1]})" if known else stderr


def _meaning(text: str, record: Record) -> str:
    return text.format(
        host=record.slurm_host,
        account=record.account,
        as_account=f" as {record.account}" if record.account else "",
        wrapper=_squeue(record),
    )


def _squeue(record: Record) -> str:
    return f"{record.wrappers}/slurmspawner_squeue"


def last_log_lines(instance: Instance, container: str) -> str:
    """The last lines of a container's log, or why there are none."""
    try:
        return output(instance.container(container), Wanted(LOG_LINES)).strip()
    except EnvsError as error:
        return error.message


def _restarts(instance: Instance) -> dict[str, int]:
    pod = observe_pod(instance)
    return {container.name: container.restarts for container in pod.containers} if pod else {}


def _refuse_ended_containers(instance: Instance, before: Mapping[str, int]) -> None:
    pod = observe_pod(instance)
    if pod is None:
        raise EnvsError(f"pod {instance.pod} was removed while it was starting", hint="run `invoke up` again")
    for container in pod.containers:
        if container.restarts - before.get(container.name, 0) > MAX_RESTARTS:
            raise _not_ready(instance, container.name, f"container {container.name} keeps exiting")


def _not_ready(instance: Instance, container: str, what: str) -> EnvsError:
    option = "" if instance == Instance() else f" --instance {instance.name}"
    log = "\n".join(f"  {line}" for line in last_log_lines(instance, container).splitlines())
    return EnvsError(
        f"not ready: {what}\nlast lines of the log of {container}:\n{log}",
        hint=f"`invoke logs{option}` shows all logs; `invoke up` tries again, `invoke down{option}` removes it all",
    )
