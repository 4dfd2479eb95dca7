"""``invoke logs``: the containers' output and the volumes' log files.

May import: errors, config, plan, effects, lifecycle.
"""

from __future__ import annotations

import signal
import sys
import tarfile
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from brics_envs.config.moments import parse_since
from brics_envs.config.options import parse_tail
from brics_envs.effects import interrupts
from brics_envs.effects.at_once import at_once
from brics_envs.effects.containers import execute, follow_output, output, read_archive
from brics_envs.errors import EnvsError
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
    names = [container_of(pod, container)] if container else [c.name for c in pod.containers]
    ways: list[Callable[[], object]] = []
    for full_name in map(instance.container, names):
        show = partial(_show, "" if container else f"{full_name} ")
        ways.append(partial(follow_output, full_name, wanted, FOLLOW_DEADLINE_S, show))
    # The hub's file has what its output has.
    if "slurm" in names:
        ways.append(partial(_follow_files, instance.container("slurm"), LOG_DIRECTORIES["slurm"], wanted))
    try:
        at_once(lambda follow: follow(), ways)
    except KeyboardInterrupt:
        # Ctrl-C is how it ends.
        if interrupts.received() != signal.SIGINT:
            raise


def for_reader(text: str) -> str:
    """A text as standard output takes it: only a terminal understands colours."""
    return text if sys.stdout.isatty() else without_colours(text)


def _show(before: str, line: str) -> None:
    # In one piece: several logs are followed at the same time.
    print(f"{before}{for_reader(line)}\n", end="", flush=True)


def _follow_files(container: str, directory: str, wanted: Wanted) -> None:
    """Show what is written to the log files of a directory in a container."""
    first = wanted.tail if wanted.tail is not None else "+1" if wanted.since else 0
    # podman leaves what it started in the container when nobody listens any more; the end of its input ends this.
    tail = f"cd {directory}; tail -n {first} -F *.log & cat; kill $!"
    selection = SinceThen(wanted.since)

    def show(line: str) -> None:
        if selection.wants(line):
            _show("", line)

    execute(container, "sh", "-c", tail, timeout_s=FOLLOW_DEADLINE_S, options={"stdin": True}, on_line=show)


def _logs(pod: PodState, name: str, wanted: Wanted) -> str:
    full_name = pod.instance.container(name)
    parts = [f"==> output of {name} <==\n{_output(full_name, wanted)}"]
    directory = LOG_DIRECTORIES.get(name)
    if directory:
        parts += _log_files(full_name, directory, wanted)
    return "\n".join(parts)


def _output(container: str, wanted: Wanted) -> str:
    """A container's output, or why there is none: the others' are shown all the same."""
    try:
        return output(container, wanted)
    except EnvsError as error:
        return f"{error.message}\n"


def _log_files(container: str, directory: str, wanted: Wanted) -> list[str]:
    """The log files of a container's volume, also of one that does not run (any more)."""
    shown = {}
    with tempfile.TemporaryFile() as file:
        try:
            read_archive(container, directory, file, COPY_DEADLINE_S)
        except EnvsError as error:
            return [f"==> {directory} <==\n{error.message}"]
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            for member in archive:
                content = (
                    archive.extractfile(member) if member.isfile() and member.name.endswith(".log") else None
                )
                if content is None:
                    continue
                changed = datetime.fromtimestamp(member.mtime, UTC)
                text = wanted.of(content.read().decode(errors="replace"), changed)
                # Names begin with that of the directory itself.
                name = f"{directory}/{member.name.partition('/')[2]}"
                shown[name] = f"==> {name} <==\n{text}"
    return [shown[name] for name in sorted(shown)]
