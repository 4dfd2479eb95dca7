"""Look at podman's images, build, pull and import them. May import: errors, config, plan, effects."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from brics_envs.effects import process, working_containers
from brics_envs.effects.files import temporary_directory
from brics_envs.effects.host_settings import apt_proxies, lent_settings
from brics_envs.effects.podman import podman, podman_json
from brics_envs.effects.working_containers import COMMAND_ID
from brics_envs.errors import EnvsError
from brics_envs.plan.debian_sources import FORMAT, MIRROR_VARIABLE, parse_targets, sources_for
from brics_envs.plan.image_commands import build_arguments, debian_arguments, import_arguments
from brics_envs.plan.image_decisions import PresentImage
from brics_envs.plan.images import Build, DebianRoot, RegistryImage
from brics_envs.plan.names import LABEL_INPUTS, OURS

PODMAN_TEMPORARY = "/var/tmp"  # noqa: S108 - a private directory is made there
"""Where podman puts what is large and temporary, unless TMPDIR says otherwise."""

PROBE_S = 10.0
"""Seconds that a registry has to answer whether it has an image."""

SHORT_PROBE_S = 2.0
"""The same where an up-to-date local equivalent is there, so that an `up` with nothing to do stays quick."""

LEFT_OVER_S = 3600.0
"""Seconds after which an image without a name cannot belong to a build that is still going on."""

LONG_TIMEOUT_S = LEFT_OVER_S
"""Seconds that a build or a download may take."""


def present_images() -> dict[str, PresentImage]:
    """The images with a name in podman's storage, by all their names."""
    entries: list[dict[str, Any]] = podman_json("images", "--format", "json")
    return {
        name: PresentImage(entry["Id"], (entry.get("Labels") or {}).get(LABEL_INPUTS))
        for entry in entries
        for name in entry.get("Names") or ()
    }


def image_id(tag: str) -> str:
    """The ID of an image.

    :raises CommandError: there is none of that name.
    """
    return podman("image", "inspect", "--format={{.Id}}", tag).stdout.strip()


def tag(image: str, new_name: str) -> None:
    """Give an image, by its ID, a further name."""
    podman("tag", image, new_name)


def registry_problem(reference: str, timeout_s: float) -> str:
    """Why a registry cannot give an image, or ``""`` if it can.

    :param timeout_s: seconds that it has to answer.
    """
    try:
        podman("manifest", "inspect", reference, timeout_s=timeout_s)
    except process.CommandError as error:
        if error.status is None:
            return f"no answer within {timeout_s:.0f} s"
        if "single images as manifest lists" in error.output:
            # It is there, but for one architecture only: no list, which is all that podman can show.
            return ""
        lines = error.output.strip().splitlines()
        return lines[-1].rsplit(": ", 1)[-1] if lines else "no reason given"
    return ""


def files_digest(paths: Iterable[Path]) -> str:
    """A digest of the contents of files and folders, with the names and execute bits below each folder.

    :raises OSError: one is not there or cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if not file.is_dir():
                content = file.read_bytes()
                head = (file.relative_to(path).as_posix(), os.access(file, os.X_OK), len(content))
                digest.update(repr(head).encode() + content)
        digest.update(b"\0")
    return digest.hexdigest()


def pull(image: RegistryImage, report: Callable[[str], None]) -> str:
    """Pull an image of a registry; return its ID.

    :raises CommandError: it cannot be pulled.
    """
    with _scratch() as scratch:
        podman("pull", image.tag, timeout_s=LONG_TIMEOUT_S, env=scratch, on_line=report, hint=image.hint)
    return image_id(image.tag)


def build(
    image: Build,
    *,
    base_id: str,
    digest: str,
    rebuild: bool,
    volumes: tuple[str, ...],
    report: Callable[[str], None],
) -> str:
    """Build an image; return its ID. Parameters as :func:`brics_envs.plan.images.build_arguments`.

    :param report: is given every instruction of the Containerfile that really runs.
    :raises CommandError: a step failed; with the last lines of the build.
    """
    arguments = build_arguments(
        image,
        base_id=base_id,
        digest=digest,
        rebuild=rebuild,
        volumes=volumes,
        limits=_limits(),
        command_id=COMMAND_ID,
    )
    hint = f"the instruction is in {image.containerfile}"
    with _scratch() as scratch:
        podman(*arguments, timeout_s=LONG_TIMEOUT_S, env=scratch, on_line=_Steps(report).see, hint=hint)
    return image_id(image.tag)


def make_debian(root: DebianRoot, digest: str) -> str:
    """Make a Debian root file system and import it; return the image's ID.

    :raises EnvsError: no mirror is known, mmdebstrap is missing, or it failed.
    """
    if shutil.which("mmdebstrap") is None:
        raise EnvsError(
            "local base images need mmdebstrap (Debian and Ubuntu have it)",
            hint="run ./bootstrap, or use --base registry",
        )
    sources = sources_for(root.suite, parse_targets(_apt_targets()), os.environ.get(MIRROR_VARIABLE, ""))
    proxies = {f"{scheme}_proxy": proxy for scheme, proxy in apt_proxies().items() if proxy}
    with temporary_directory("brics-debian-") as folder, _scratch() as scratch:
        # Its user name spaces for those who are not root need to get at the folder.
        folder.chmod(0o755)
        tar = folder / "root.tar"
        own = {**proxies, "TMPDIR": str(folder)}
        process.run(debian_arguments(root, sources, tar), timeout_s=LONG_TIMEOUT_S, env=own)
        podman(*import_arguments(root, tar, digest), timeout_s=LONG_TIMEOUT_S, env=scratch)
    return image_id(root.tag)


@contextlib.contextmanager
def building() -> Iterator[tuple[str, ...]]:
    """Bracket builds: lend them the host's settings, and clear away what earlier ones left.

    :return: ``--volume`` values for :func:`build`.
    """
    with working_containers.none_left():
        with lent_settings() as volumes:
            yield volumes
        _remove_left_over()


@contextlib.contextmanager
def _scratch() -> Iterator[dict[str, str]]:
    """Variables that give podman a place for temporary files that is removed whatever becomes of podman."""
    if os.geteuid() != 0 and not os.environ.get("XDG_RUNTIME_DIR"):
        yield {}  # podman may have its state among the temporary files then, and would not find it
        return
    with temporary_directory("brics-podman-", Path(os.environ.get("TMPDIR") or PODMAN_TEMPORARY)) as folder:
        yield {"TMPDIR": str(folder)}


def _remove_left_over() -> None:
    """Remove what earlier builds of ours left without a name: images replaced by newer ones, and their builders.

    What belongs to an image that still has its name stays, as a cache, and so does whatever is in use or new: it may
    belong to another build that is going on.
    """
    # `podman image prune` would take the caches as well.
    entries: list[dict[str, Any]] = podman_json("images", "--format=json", *OURS)
    named = {entry["Labels"].get(LABEL_INPUTS) for entry in entries if entry.get("Names")}
    for entry in entries:
        inputs = entry["Labels"].get(LABEL_INPUTS)
        old = time.time() - entry["Created"] > LEFT_OVER_S
        if old and inputs and inputs not in named and not entry.get("Names"):
            podman("rmi", entry["Id"], timeout_s=120, check=False)


def _apt_targets() -> str:
    if shutil.which("apt-get") is None:
        return ""
    return process.run(
        ["apt-get", "indextargets", "--format", FORMAT, "Identifier: Packages"], timeout_s=20
    ).stdout


def _limits() -> dict[str, int]:
    names = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    return {name: resource.getrlimit(limit)[1] for name, limit in names.items()}


class _Steps:
    """Reports the RUN instructions of a build that are not taken from the cache."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._pending = ""

    def see(self, line: str) -> None:
        """Take a line of ``podman build``'s output."""
        if self._pending and "Using cache" not in line:
            self._report(self._pending)
        _, step, instruction = line.partition(": RUN ")
        self._pending = " ".join(instruction.split()) if step and "STEP " in line else ""
