"""``python -m brics_envs.kustomize DIR``: print the documents as one YAML stream."""

from __future__ import annotations

import sys
from pathlib import Path

from brics_envs.errors import BAD_INPUT, EnvsError
from brics_envs.kustomize import build, dump


def main(arguments: list[str]) -> int:
    """Build the directory that is named.

    :returns: the exit status: 0, 1 if it cannot be built, 2 for bad arguments.
    """
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("error: usage: python -m brics_envs.kustomize DIR", file=sys.stderr)
        return BAD_INPUT
    try:
        sys.stdout.write(dump(build(Path(arguments[0]))))
    except EnvsError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
