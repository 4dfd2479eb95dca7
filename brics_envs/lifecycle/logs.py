"""``invoke logs``: the containers' output and the volumes' log files. May import: config, plan, effects, lifecycle."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from brics_envs.config.moments import parse_since
from brics_envs.config.options import parse_tail
from brics_envs.effects import interrupts
from brics_envs.effects.at_once import at_once
from brics_envs.effects.files import temporary_directory
from brics_envs.effects.podman import podman
from brics_envs.lifecycle.observe import PodState, container_of, running_pod
from brics_envs.plan.log_lines import SinceThen, Wanted, without_colours
from brics_envs.plan.names import Instance

FOLLOW_DEADLINE_S = 7 * 24 * 3600.0
"""Seconds for which new output is shown."""

COPY_DEADLINE_S = 3600.0
"""Seconds for copying the log files."""

LOG_DIRECTORIES = {"jupyterhub": "/var/log/jupyterhub", "slurm": "/var/log/slurm"}
"""Container → where its volume has log files."""


def wanted_lines(tail: str, since: str) -> Wanted:
    """The options ``--tail`` and ``--since``.

    :raises ConfigError: a value that is not allowed.
    """
    return Wanted(parse_tail(tail), parse_since(since, datetime.now(UTC)))


def logs(instance: Instance, container: str, wanted: Wanted) -> str:
    """The logs of one container, or of all: its output, then the log files of its volume.

    :param container: a container's name; empty for all.
    :raises EnvsError: there is no such instance or container.
    """
    pod = running_pod(instance)
    names = [container_of(pod, container)] if container else [c.name for c in pod.containers]
    return for_reader("\n".join(_logs(pod, name, wanted) for name in names))


def follow_logs(instance: Instance, container: str, wanted: Wanted) -> None:
    """Show the output of one container, or of all, and its volume's log files, as they come, until Ctrl-C.

    :raises EnvsError: there is no such instance or container.
    """
    pod = running_pod(instance)
    if container:
        names = [container_of(pod, container)]
        output: Sequence[str] = ("logs", "--follow", *wanted.options, instance.container(container))
    else:
        names = [c.name for c in pod.containers]
        output = ("pod", "logs", "--follow", "--names", *wanted.options, pod.name)
    commands: list[tuple[Sequence[str], datetime | None]] = [(output, None)]
    # The hub's file has what its output has.
    if "slurm" in names:
        # podman leaves what it started in the container when it is stopped; the end of its input ends this.
        first = wanted.tail if wanted.tail is not None else "+1" if wanted.since else 0
        tail = f"cd {LOG_DIRECTORIES['slurm']}; tail -n {first} -F *.log & cat; kill $!"
        files = ("exec", "--interactive", instance.container("slurm"), "sh", "-c", tail)
        commands.append((files, wanted.since))
    try:
        at_once(_follow, commands)
    except KeyboardInterrupt:
        # Ctrl-C is how it ends.
        if interrupts.received() != signal.SIGINT:
            raise


def for_reader(text: str) -> str:
    """A text as standard output takes it: only a terminal understands colours."""
    return text if sys.stdout.isatty() else without_colours(text)


def _follow(command: tuple[Sequence[str], datetime | None]) -> None:
    """Show what a command of podman's writes.

    :param command: its arguments, and from when on lines are wanted, if podman does not see to that.
    """
    arguments, since = command
    selection = SinceThen(since)

    def show(line: str) -> None:
        if selection.wants(line):
            print(for_reader(line), flush=True)

    podman(*arguments, timeout_s=FOLLOW_DEADLINE_S, stdin=_endless(), check=False, on_line=show)


def _endless() -> Iterator[bytes]:
    """An input that does not end before its reader."""
    threading.Event().wait()
    yield b""


def _logs(pod: PodState, name: str, wanted: Wanted) -> str:
    full_name = pod.instance.container(name)
    done = podman("logs", *wanted.options, full_name, check=False)
    parts = [f"==> output of {name} <==\n{done.stdout}{done.stderr}"]
    directory = LOG_DIRECTORIES.get(name)
    if directory:
        parts += _log_files(full_name, directory, wanted)
    return "\n".join(parts)


def _log_files(container: str, directory: str, wanted: Wanted) -> list[str]:
    """The log files of a container's volume, also of one that does not run (any more)."""
    with temporary_directory("brics-logs-") as copy:
        copied = podman("cp", f"{container}:{directory}/.", str(copy), timeout_s=COPY_DEADLINE_S, check=False)
        if copied.status != 0:
            return [f"==> {directory} <==\n{copied.stderr}"]
        shown = []
        for file in sorted(path for path in copy.rglob("*.log") if path.is_file()):
            changed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            text = wanted.of(file.read_text(errors="replace"), changed)
            shown.append(f"==> {directory}/{file.relative_to(copy)} <==\n{text}")
        return shown
