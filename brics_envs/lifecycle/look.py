"""``invoke logs``, ``shell``, ``volume-export`` and ``render``: look into an instance without changing it.

May import: errors, config, kustomize, plan, effects, lifecycle.
"""

from __future__ import annotations

from pathlib import Path

from brics_envs import kustomize
from brics_envs.effects import process
from brics_envs.effects.podman import environment, exists, podman, require_podman
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.instance_files import load_secrets
from brics_envs.lifecycle.observe import PodState, observe_pod
from brics_envs.lifecycle.prepare import Prepared
from brics_envs.plan.manifest import HIDDEN
from brics_envs.plan.names import Instance

LOG_DIRECTORIES = {"jupyterhub": "/var/log/jupyterhub", "slurm": "/var/log/slurm"}
"""Container → where its volume has log files."""


def render(prepared: Prepared, *, show_secrets: bool) -> str:
    """The complete manifest; secret values are markers unless they are asked for and exist."""
    secrets = None
    if show_secrets:
        secrets = load_secrets(prepared.directory, prepared.generated, prepared.password, prepared.keys)
    return kustomize.dump(prepared.manifest(secrets or HIDDEN))


def logs(instance: Instance, container: str) -> str:
    """The logs of one container, or of all: its output, then the log files of its volume.

    :param container: a container's name; empty for all.
    :raises EnvsError: there is no such instance or container.
    """
    pod = _the_pod(instance)
    names = [_container(pod, container)] if container else [c.name for c in pod.containers]
    return "\n".join(_logs(pod, name) for name in names)


def follow_logs(instance: Instance, container: str) -> None:
    """Show the output of one container, or of all, as it comes, until Ctrl-C. Does not return.

    :raises EnvsError: there is no such instance or container.
    """
    pod = _the_pod(instance)
    if container:
        command = ["podman", "logs", "--follow", instance.container(_container(pod, container))]
    else:
        command = ["podman", "pod", "logs", "--follow", "--names", pod.name]
    process.replace_process(command, environment())


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
    try:
        podman("volume", "export", volume, "--output", str(archive), timeout_s=3600)
        process.run(["tar", "-x", "-f", str(archive), "-C", str(directory)], timeout_s=3600)
    finally:
        archive.unlink(missing_ok=True)
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
        raise EnvsError(
            f"--container: {name!r} is not in pod {pod.name}", hint=f"choose one of {', '.join(names)}"
        )
    return name


def _logs(pod: PodState, name: str) -> str:
    full_name = pod.instance.container(name)
    done = podman("logs", full_name, check=False)
    parts = [f"==> output of {name} <==\n{done.stdout}{done.stderr}"]
    directory = LOG_DIRECTORIES.get(name)
    if directory:
        # head names the files; all of each.
        show = f"cd {directory} && find . -type f -name '*.log' -exec tail -n +1 -v {{}} +"
        files = podman("exec", full_name, "sh", "-c", show, check=False)
        parts.append(f"==> files in {directory} <==\n{files.stdout or files.stderr}")
    return "\n".join(parts)
