"""All that a build reads, in one folder: for a podman on another machine. May import: effects, plan."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from brics_envs.effects.files import temporary_directory
from brics_envs.plan.images import Build
from brics_envs.plan.one_context import CONTEXTS, one_context


@contextlib.contextmanager
def one_folder(image: Build, volumes: Sequence[str]) -> Iterator[tuple[Build, dict[str, Path]]]:
    """The same build of one context, a copy, and secrets in the place of what would be mounted.

    :param volumes: as ``--volume`` takes them: of files, or of folders of files.
    :returns: the build, and build secret → file.
    """
    files: dict[str, Path] = {}
    for volume in volumes:
        source, place, _ = volume.split(":")
        path = Path(source)
        found = path.iterdir() if path.is_dir() else [path]
        files |= {f"{place}/{one.name}" if path.is_dir() else place: one for one in found}
    secrets = {f"host{number}": place for number, place in enumerate(files)}
    with temporary_directory("brics-context-") as folder:
        shutil.copytree(image.context, folder, symlinks=True, dirs_exist_ok=True)
        for name, context in image.contexts:
            shutil.copytree(context, folder / CONTEXTS / name, symlinks=True)
        containerfile = folder / image.containerfile.relative_to(image.context)
        names = [name for name, _ in image.contexts]
        containerfile.write_text(one_context(containerfile.read_text(), names, secrets))
        single = replace(image, context=folder, containerfile=containerfile, contexts=())
        yield single, {name: files[place] for name, place in secrets.items()}
