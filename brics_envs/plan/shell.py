"""What ``invoke shell`` runs in a container. Pure. May import: nothing of the project."""

from __future__ import annotations

PLACES = {"slurm": "/opt/slurmspawner_wrappers/bin:/opt/jupyter/bin"}
"""Container → directories of its Python environments that its image does not have on PATH."""

LOGIN = """[ -z "$1" ] || cd; export PATH="${BRICS_PATH:+$BRICS_PATH:}$PATH"; unset BRICS_PATH; exec bash"""
"""What a login shell does: a user's own settings are read, and then the container's programs are in front."""


def shell_command(container: str, *, at_home: bool) -> list[str]:
    """The command, with the container's own Python environments on PATH, which a login shell would forget.

    :param at_home: begin in the user's home instead of the container's working directory.
    """
    places = f"{PLACES[container]}:" if container in PLACES else ""
    begin = f'BRICS_PATH="{places}$PATH" exec bash -l -c "$0" login "$1"'
    return ["sh", "-c", begin, LOGIN, "home" if at_home else ""]
