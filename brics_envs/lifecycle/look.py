"""``invoke logs``, ``shell``, ``volume-export`` and ``render``: look into an instance without changing it.

May import: errors, config, plan, effects, lifecycle.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pykustomize
from brics_envs.effects import process
from brics_envs.effects.podman import environment, exists, podman, require_podman
from brics_envs.errors import ConfigError, EnvsError
from brics_envs.lifecycle.instance_files import load_secrets
from brics_envs.lifecycle.observe import PodState, observe_pod
from brics_envs.lifecycle.prepare import Prepared
from brics_envs.lifecycle.report import say
from brics_envs.plan.manifest import HIDDEN
from brics_envs.plan.names import Instance

FOLLOW_DEADLINE_S = 7 * 24 * 3600.0
"""Seconds for which new output is shown."""

COPY_DEADLINE_S = 3600.0
"""Seconds for copying a volume."""

LOG_DIRECTORIES = {"jupyterhub": "/var/log/jupyterhub", "slurm": "/var/log/slurm"}
"""Container → where its volume has log files."""


def render(prepared: Prepared, *, show_secrets: bool) -> str:
    """The complete manifest; secret values are markers unless they are asked for and exist."""
    secrets = None
    if show_secrets:
        secrets = load_secrets(prepared.directory, prepared.generated, prepared.password, prepared.keys)
        if secrets is None:
            say(f"{prepared.directory} has no secrets (yet): markers are shown")
    return pykustomize.dump(prepared.manifest(secrets or HIDDEN))


def logs(instance: Instance, container: str) -> str:
    """The logs of one container, or of all: its output, then the log files of its volume.

    :param container: a container's name; empty for all.
    :raises EnvsError: there is no such instance or container.
    """
    pod = _the_pod(instance)
    names = [_container(pod, container)] if container else [c.name for c in pod.containers]
    return "\n".join(_logs(pod, name) for name in names)


def follow_logs(instance: Instance, container: str) -> None:
    """Show the output of one container, or of all, and its volume's log files, as they come, until Ctrl-C.

    :raises EnvsError: there is no such instance or container.
    """
    pod = _the_pod(instance)
    if container:
        names = [_container(pod, container)]
        output: Sequence[str] = ("logs", "--follow", instance.container(container))
    else:
        names = [c.name for c in pod.containers]
        output = ("pod", "logs", "--follow", "--names", pod.name)
    commands = [output]
    # The hub's file has what its output has.
    if "slurm" in names:
        tail = f"cd {LOG_DIRECTORIES['slurm']} && exec tail -n 0 -F *.log"
        commands.append(("exec", instance.container("slurm"), "sh", "-c", tail))
    # Ctrl-C is how it ends.
    with contextlib.suppress(KeyboardInterrupt), ThreadPoolExecutor(len(commands)) as pool:
        for _ in pool.map(_follow, commands):
            pass


def _follow(command: Sequence[str]) -> None:
    podman(*command, timeout_s=FOLLOW_DEADLINE_S, check=False, on_line=lambda line: print(line, flush=True))


def shell(instance: Instance, container: str, user: str) -> None:
    """Become an interactive shell in a container. Does not return.

    :param user: whom to be; empty for the container's own user.
    :raises EnvsError: there is no such instance, container or running container.
    """
    pod = _the_pod(instance)
    name = instance.container(_container(pod, container))
    as_user = ["--user", user] if user else []
    process.replace_process(
        ["podman", "exec", "--interactive", *_terminal(), *as_user, name, "bash", "-l"], environment()
    )


def volume_export(volume: str, directory: Path) -> str:
    """Copy a named volume's contents into a new directory; returns what to tell.

    :raises EnvsError: no such volume, or the directory exists and is not empty.
    """
    require_podman()
    if not exists("volume", volume):
        raise EnvsError(f"there is no volume {volume}", hint="`podman volume ls` lists the volumes")
    if directory.exists() and any(directory.iterdir()):
        raise EnvsError(f"{directory} is not empty", hint="choose another with --to DIR")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    archive = directory / ".export.tar"
    # The copy is the caller's: the containers' users may be other people here.
    extract = [
        "tar",
        "-x",
        "--no-same-owner",
        "--exclude=./.export.tar",
        "-f",
        str(archive),
        "-C",
        str(directory),
    ]
    try:
        podman("volume", "export", volume, "--output", str(archive), timeout_s=COPY_DEADLINE_S)
        process.run(extract, timeout_s=COPY_DEADLINE_S)
        directory.chmod(0o700)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    archive.unlink()
    return f"the contents of volume {volume} are in {directory}"


def _terminal() -> list[str]:
    import sys

    return ["--tty"] if sys.stdin.isatty() else []


def _the_pod(instance: Instance) -> PodState:
    require_podman()
    pod = observe_pod(instance)
    if pod is None:
        raise EnvsError(f"instance {instance.name} is not up", hint="`invoke status` shows what is up")
    return pod


def _container(pod: PodState, name: str) -> str:
    names = [container.name for container in pod.containers]
    if name not in names:
        raise ConfigError(
            f"--container: {name!r} is not in pod {pod.name}", hint=f"choose one of {', '.join(names)}"
        )
    return name


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
    with tempfile.TemporaryDirectory(prefix="brics-logs-") as copy:
        copied = podman("cp", f"{container}:{directory}/.", copy, timeout_s=COPY_DEADLINE_S, check=False)
        if copied.status != 0:
            return [f"==> {directory} <==\n{copied.stderr}"]
        files = sorted(path for path in Path(copy).rglob("*.log") if path.is_file())
        return [f"==> {directory}/{f.relative_to(copy)} <==\n{f.read_text(errors='replace')}" for f in files]
