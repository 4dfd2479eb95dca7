"""Look at podman's images, build, pull and import them. May import: errors, config, plan, effects."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import resource
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from brics_envs.effects import process, working_containers
from brics_envs.effects.containers import inspected, listed
from brics_envs.effects.files import temporary_directory
from brics_envs.effects.host_settings import apt_proxies, lent_settings
from brics_envs.effects.one_folder import one_folder
from brics_envs.effects.podman import is_remote, podman
from brics_envs.effects.working_containers import COMMAND_ID
from brics_envs.errors import EnvsError
from brics_envs.plan.build_steps import RunningSteps, step_names
from brics_envs.plan.debian_sources import FORMAT, MIRROR_VARIABLE, debian_state, parse_targets, sources_for
from brics_envs.plan.image_commands import BaseImage, build_arguments, debian_arguments, import_arguments
from brics_envs.plan.image_decisions import PresentImage
from brics_envs.plan.image_facts import ImageFacts, image_facts
from brics_envs.plan.images import Build, DebianRoot, RegistryImage
from brics_envs.plan.names import LABEL_INPUTS

PODMAN_TEMPORARY = "/var/tmp"  # noqa: S108 - a private directory is made there
"""Where podman puts what is large and temporary, unless TMPDIR says otherwise."""

RFC_3339 = '{{.Created.UTC.Format "2006-01-02T15:04:05Z"}}'
"""podman's template for the time at which an image was made; Go shows by an example how times are written."""

PROBE_S = 10.0
"""Seconds that a registry has to answer whether it has an image."""

SHORT_PROBE_S = 2.0
"""The same where an up-to-date local equivalent is there, so that an `up` with nothing to do stays quick."""

LEFT_OVER_S = 3600.0
"""Seconds after which an image without a name cannot belong to a build that is still going on."""

LONG_TIMEOUT_S = LEFT_OVER_S
"""Seconds that a build or a download may take."""


def present_images() -> dict[str, PresentImage]:
    """The images in podman's storage by all their names, those with a digest (NAME@DIGEST) included.

    One that has lost its names, to another or by `podman untag`, comes by its ID.
    """
    entries = listed("images")
    # An image of a read-only store of the machine comes behind one of the user's own with the same name.
    entries.sort(key=lambda entry: not entry.get("ReadOnly", False))
    return {
        name: PresentImage(entry["Id"], entry.get("Labels") or {})
        for entry in entries
        for name in (*(entry.get("Names") or ()), *(entry.get("RepoDigests") or ())) or (entry["Id"],)
    }


def facts_of(ids: Collection[str]) -> dict[str, ImageFacts]:
    """Age and origin of images, by their IDs; without those that are gone."""
    found = filter(None, (inspected("images", image) for image in ids))
    # Without fractions of a second: podman writes nanoseconds.
    return {
        entry["Id"]: image_facts(entry["Id"], re.sub(r"\.\d+", "", entry["Created"]), entry["Labels"] or {})
        for entry in found
    }


def image_id(tag: str) -> str:
    """The ID of an image.

    :raises EnvsError: there is none of that name.
    """
    found = inspected("images", tag)
    if found is None:
        raise EnvsError(f"podman has no image {tag}")
    return str(found["Id"])


def has_image(image: str) -> bool:
    """Whether there is an image with that ID."""
    return inspected("images", image) is not None


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
    recipe: str,
    digest: str,
    revision: str,
    rebuild: bool,
    volumes: tuple[str, ...],
    report: Callable[[str], None],
) -> str:
    """Build an image; return its ID. Parameters as :func:`brics_envs.plan.image_commands.build_arguments`.

    :param recipe: digest of what the base is to be made of.

    :param report: is given the name of every step of the Containerfile that really runs.
    :raises CommandError: a step failed; with the last lines of the build.
    """
    created = podman("image", "inspect", f"--format={RFC_3339}", base_id).stdout.strip()
    base = BaseImage(image.base, base_id, created, recipe)
    hint = f"the instruction is in {image.containerfile}"
    with _scratch() as scratch, _sent(image, volumes) as (sent, secrets):
        arguments = build_arguments(
            sent,
            base=base,
            digest=digest,
            revision=revision,
            rebuild=rebuild,
            volumes=() if is_remote() else volumes,
            limits={} if is_remote() else _limits(),
            command_id=COMMAND_ID,
            secrets=secrets,
        )
        steps = RunningSteps(step_names(sent.containerfile.read_text()), report)
        podman(*arguments, timeout_s=LONG_TIMEOUT_S, env=scratch, on_line=steps.see, hint=hint)
    return image_id(image.tag)


def _sent(
    image: Build, volumes: tuple[str, ...]
) -> contextlib.AbstractContextManager[tuple[Build, dict[str, Path]]]:
    """What podman is told to build: on another machine it gets one folder and secrets, and sees no other of ours."""
    return one_folder(image, volumes) if is_remote() else contextlib.nullcontext((image, {}))


def make_debian(root: DebianRoot, digest: str) -> str:
    """Make a Debian root file system and import it; return the image's ID.

    :raises EnvsError: no mirror is known, mmdebstrap is missing, or it failed.
    """
    if obstacle := local_base_obstacle():
        raise EnvsError(
            f"local base images cannot be made: {obstacle}", hint="run ./bootstrap, or use --base registry"
        )
    sources = sources_for(root.suite, parse_targets(_apt_targets()), os.environ.get(MIRROR_VARIABLE, ""))
    proxies = {f"{scheme}_proxy": proxy for scheme, proxy in apt_proxies().items() if proxy}
    with temporary_directory("brics-debian-") as folder, _scratch() as scratch:
        # Its user name spaces for those who are not root need to get at the folder.
        folder.chmod(0o755)
        tar, releases = folder / "root.tar", folder / "releases"
        own = {**proxies, "TMPDIR": str(folder)}
        process.run(debian_arguments(root, sources, tar, releases), timeout_s=LONG_TIMEOUT_S, env=own)
        state = debian_state(releases.read_bytes())
        podman(*import_arguments(root, tar, digest, state), timeout_s=LONG_TIMEOUT_S, env=scratch)
    return image_id(root.tag)


def local_base_obstacle() -> str:
    """Why no Debian root file system can be made here for podman's machine; ``""`` if one can."""
    if shutil.which("mmdebstrap") is None:
        return "mmdebstrap is missing, which Debian and Ubuntu have"
    if not is_remote():
        return ""
    here, there = podman("version", "--format={{.Client.OsArch}} {{.Server.OsArch}}").stdout.split()
    return "" if there == here else f"podman's machine is {there}, this one {here}"


@contextlib.contextmanager
def building() -> Iterator[tuple[str, ...]]:
    """Bracket builds: lend them the host's settings, and clear away what earlier ones left.

    :returns: ``--volume`` values for :func:`build`.
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
    entries = listed("images", ours=True)
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
