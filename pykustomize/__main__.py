"""``python -m pykustomize [--strict] DIR``: print the documents as one YAML stream."""

from __future__ import annotations

import sys
from pathlib import Path

from pykustomize import KustomizeError, build, dump

FAILED = 1
BAD_ARGUMENTS = 2


def main(arguments: list[str]) -> int:
    """Build the directory that is named.

    :param arguments: the directory, and ``--strict`` if a patch's target that matches nothing is to be an error.
    :returns: the exit status: 0, 1 if it cannot be built, 2 for bad arguments.
    """
    names = [argument for argument in arguments if argument != "--strict"]
    if len(names) != 1 or names[0].startswith("-"):
        print("error: usage: python -m pykustomize [--strict] DIR", file=sys.stderr)
        return BAD_ARGUMENTS
    try:
        sys.stdout.write(dump(build(Path(names[0]), strict="--strict" in arguments)))
    except KustomizeError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
