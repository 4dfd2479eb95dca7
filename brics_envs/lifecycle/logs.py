"""``invoke logs``: the containers' output and the volumes' log files. May import: errors, plan, effects, lifecycle."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence

from brics_envs.effects import interrupts
from brics_envs.effects.at_once import at_once
from brics_envs.effects.files import temporary_directory
from brics_envs.effects.podman import podman
from brics_envs.lifecycle.observe import PodState, container_of, running_pod
from brics_envs.plan.names import Instance

FOLLOW_DEADLINE_S = 7 * 24 * 3600.0
"""Seconds for which new output is shown."""

COPY_DEADLINE_S = 3600.0
"""Seconds for copying the log files."""

LOG_DIRECTORIES = {"jupyterhub": "/var/log/jupyterhub", "slurm": "/var/log/slurm"}
"""Container → where its volume has log files."""


def logs(instance: Instance, container: str) -> str:
    """The logs of one container, or of all: its output, then the log files of its volume.

    :param container: a container's name; empty for all.
    :raises EnvsError: there is no such instance or container.
    """
    pod = running_pod(instance)
    names = [container_of(pod, container)] if container else [c.name for c in pod.containers]
    return "\n".join(_logs(pod, name) for name in names)


def follow_logs(instance: Instance, container: str) -> None:
    """Show the output of one container, or of all, and its volume's log files, as they come, until Ctrl-C.

    :raises EnvsError: there is no such instance or container.
    """
    pod = running_pod(instance)
    if container:
        names = [container_of(pod, container)]
        output: Sequence[str] = ("logs", "--follow", instance.container(container))
    else:
        names = [c.name for c in pod.containers]
        output = ("pod", "logs", "--follow", "--names", pod.name)
    commands = [output]
    # The hub's file has what its output has.
    if "slurm" in names:
        # podman leaves what it started in the container when it is stopped; the end of its input ends this.
        tail = f"cd {LOG_DIRECTORIES['slurm']}; tail -n 0 -F *.log & cat; kill $!"
        commands.append(("exec", "--interactive", instance.container("slurm"), "sh", "-c", tail))
    try:
        at_once(_follow, commands)
    except KeyboardInterrupt:
        # Ctrl-C is how it ends.
        if interrupts.received() != signal.SIGINT:
            raise


def _follow(command: Sequence[str]) -> None:
    podman(
        *command,
        timeout_s=FOLLOW_DEADLINE_S,
        stdin=_endless(),
        check=False,
        on_line=lambda line: print(line, flush=True),
    )


def _endless() -> Iterator[bytes]:
    """An input that does not end before its reader."""
    threading.Event().wait()
    yield b""


def _logs(pod: PodState, name: str) -> str:
    full_name = pod.instance.container(name)
    done = podman("logs", full_name, check=False)
    parts = [f"==> output of {name} <==\n{done.stdout}{done.stderr}"]
    directory = LOG_DIRECTORIES.get(name)
    if directory:
        parts += _log_files(full_name, directory)
    return "\n".join(parts)


def _log_files(container: str, directory: str) -> list[str]:
    """The log files of a container's volume, also of one that does not run (any more)."""
    with temporary_directory("brics-logs-") as copy:
        copied = podman("cp", f"{container}:{directory}/.", str(copy), timeout_s=COPY_DEADLINE_S, check=False)
        if copied.status != 0:
            return [f"==> {directory} <==\n{copied.stderr}"]
        files = sorted(path for path in copy.rglob("*.log") if path.is_file())
        return [f"==> {directory}/{f.relative_to(copy)} <==\n{f.read_text(errors='replace')}" for f in files]
