"""Directories that are mounted live: what is asked of them, and which an instance has.

May import: errors, config, plan, effects, lifecycle.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from brics_envs.effects import shared_directory
from brics_envs.effects.containers import execute, inspected
from brics_envs.effects.podman import is_remote
from brics_envs.effects.snapshot import NOT_SOURCE
from brics_envs.errors import ConfigError
from brics_envs.lifecycle.observe import PodState
from brics_envs.lifecycle.prepare import UpOptions
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.images import RepoSnapshot
from brics_envs.plan.live import ANNOTATION_BUILT_FROM, CONTAINERS, Live, decides_build, place_of
from brics_envs.plan.names import Instance

PROBLEM = "/tmp/brics-live.problem"  # noqa: S108 - in the hub's container
"""Says why the present code of the hub's package is not live (build/live/live_hub.py)."""

READ, ENTER = 0o004, 0o005
"""Permissions for others, of files and of directories."""


def refuse_live_in_production(options: UpOptions, desired: DesiredState) -> None:
    """Refuse ``--live`` and ``--debug`` where images are those for production: no directory replaces what they hold.

    :raises ConfigError: it was given.
    """
    if (options.live or options.debug) and desired.overlay.stage == "prod":
        option = "--live" if options.live else "--debug"
        raise ConfigError(
            f"{option}: not possible in {desired.environment.name}, which has production images",
            hint="use a development environment",
        )


def live_of(directories: Mapping[str, Path]) -> dict[str, Live]:
    """Directories, as far as they are there already, with what decides how they are built."""
    return {name: Live(path, built_from(path)) for name, path in directories.items()}


def built_from(directory: Path) -> str:
    """A digest of the files that decide how a package is built: when it changes, the image has to be built anew."""
    digest = hashlib.sha256()
    for path in sorted(path for path in _files(directory) if decides_build(str(path.relative_to(directory)))):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(directory)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def built_for_live(repos: Mapping[str, RepoSnapshot], live: Mapping[str, Live]) -> dict[str, RepoSnapshot]:
    """The snapshots; a live one's contents are mounted: only what decides how it is built is part of the image."""
    return {
        name: replace(snapshot, digest=f"live {live[name].built_from}") if name in live else snapshot
        for name, snapshot in repos.items()
    }


def refuse_unreadable(name: str, directory: Path) -> None:
    """Refuse a directory that users in the containers cannot read; nothing on the host is changed.

    :raises ConfigError: names the first few files.
    """
    if not directory.is_dir():
        return
    closed = [path for path in (directory, *_files(directory)) if not _open_to_others(path)]
    if closed:
        few = ", ".join(str(path) for path in closed[:3])
        raise ConfigError(
            f"--live: {name}: users in the containers cannot read {few}{' …' if len(closed) > 3 else ''}",
            hint=f"`chmod -R o+rX {directory}` lets them",
        )


def refuse_unshared(name: str, directory: Path, project_root: Path) -> None:
    """Refuse a directory that podman's machine does not share with this one; it would mount another, or none.

    :param directory: where it is not there yet, the checkout that it will be in tells.
    :raises ConfigError: it does not.
    """
    asked = directory if directory.is_dir() else project_root
    if is_remote() and (file := newest_file(asked)) and not shared_directory.shows(asked, file):
        raise ConfigError(
            f"--live: {name}: podman is on another machine, which does not share {asked} with this one",
            hint="`podman machine` shares your home directory unless told otherwise; without --live a copy is built "
            f"into the image: --repo {name}={directory}",
        )


def newest_file(directory: Path) -> Path | None:
    """The file that was changed last: a copy of the directory that was made before does not have it."""
    files = [path for path in _files(directory) if path.is_file() and not path.is_symlink()]
    return max(files, key=lambda path: (path.stat().st_mtime, path), default=None)


def mounted(pod: PodState) -> dict[str, Live]:
    """The directories that a pod has mounted, by their dev repositories' names."""
    found = {}
    for name, container in CONTAINERS.items():
        if container not in [c.name for c in pod.containers]:
            continue
        entry = inspected("containers", pod.instance.container(container))
        if entry is None:
            continue
        annotations = entry["Config"].get("Annotations") or {}
        for mount in entry["Mounts"]:
            if mount["Destination"] == place_of(name) and mount["Type"] == "bind":
                digest = annotations.get(f"{ANNOTATION_BUILT_FROM}{name}", "")
                found[name] = Live(Path(mount["Source"]), digest)
    return found


def hub_problem(instance: Instance) -> str:
    """Why the present code of the hub's package is not live; empty if it is, or nobody has tried."""
    done = execute(instance.container("jupyterhub"), "cat", PROBLEM, timeout_s=20)
    return done.stdout.strip() if done.status == 0 else ""


def _files(directory: Path) -> Iterator[Path]:
    """Files that may belong to a package's source, and the directories that they are in."""
    for place, directories, files in os.walk(directory):
        directories[:] = [d for d in directories if d not in NOT_SOURCE and not d.endswith(".egg-info")]
        yield from (Path(place, entry) for entry in (*directories, *files))


def _open_to_others(path: Path) -> bool:
    try:
        wanted = ENTER if path.is_dir() else READ
        return path.is_symlink() or path.stat().st_mode & wanted == wanted
    except FileNotFoundError:
        return True
