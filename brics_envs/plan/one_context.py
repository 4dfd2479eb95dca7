"""A build of one context, for a podman on another machine. Pure. May import: nothing of the project.

Such a podman gets one context, and sees no other folder of ours. What is mounted for the length of a build travels as
build secrets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

CONTEXTS = ".contexts"
"""The folder in the context that has the others."""


def one_context(containerfile: str, contexts: Collection[str], secrets: Mapping[str, str]) -> str:
    """A Containerfile that copies from one context alone, and whose every RUN sees the secrets.

    :param contexts: names of the other contexts, which are in :data:`CONTEXTS`.
    :param secrets: build secret → where it is mounted.
    """
    mounts = "".join(
        f"--mount=type=secret,id={name},target={place},mode=0444 " for name, place in secrets.items()
    )
    lines = []
    continued = False
    for written in containerfile.splitlines():
        line = written
        if not continued and written.startswith("COPY "):
            line = _from_one(written, contexts)
        elif not continued and written.startswith("RUN "):
            line = written.replace("RUN ", f"RUN {mounts}", 1)
        # A comment between the lines of an instruction does not end it.
        continued = line.endswith("\\") or (continued and line.lstrip().startswith("#"))
        lines.append(line)
    return "\n".join(lines) + "\n"


def _from_one(line: str, contexts: Collection[str]) -> str:
    """A COPY instruction, on one line, with its sources where they are in the one context."""
    found = re.search(r" --from=(\S+)", line)
    if found is None or found[1] not in contexts:
        return line
    options, *paths = re.split(r"\s+(?!--)", line.replace(found[0], "", 1))
    *sources, target = paths
    return " ".join([options, *(f"{CONTEXTS}/{found[1]}/{source}" for source in sources), target])
