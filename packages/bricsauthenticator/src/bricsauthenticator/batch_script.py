"""The batch script: the template, and what every rendered script gets whatever its template says. Pure."""

from __future__ import annotations

import re
import shlex
from importlib import resources

BATCH_SCRIPT = """#!/bin/bash
#SBATCH --job-name=spawner-jupyterhub
#SBATCH --chdir={{ homedir }}
#SBATCH --output=/dev/null
#SBATCH --export=ALL
#SBATCH --nodes=1
#SBATCH --time={{ runtime }}
{% if partition %}#SBATCH --partition={{ partition }}
{% endif %}{% if reservation %}#SBATCH --reservation={{ reservation }}
{% endif %}{% if account %}#SBATCH --account={{ account }}
{% endif %}{% if qos %}#SBATCH --qos={{ qos }}
{% endif %}{% if memory %}#SBATCH --mem={{ memory }}
{% endif %}{% if nprocs %}#SBATCH --cpus-per-task={{ nprocs }}
{% endif %}{% if ngpus != "0" %}#SBATCH --gpus={% if gpu_type %}{{ gpu_type }}:{% endif %}{{ ngpus }}
{% endif %}{% if gres %}#SBATCH --gres={{ gres }}
{% endif %}{% if options %}#SBATCH {{ options }}
{% endif %}
# The log is its user's alone from the first byte on, whatever the user's umask. Login scripts,
# which may set that umask, write into it too.
if ! shopt -q login_shell; then
    log="{{ homedir }}/jupyterhub_slurmspawner_$SLURM_JOB_ID.log"
    (umask 077 && set -C && : >"$log") 2>/dev/null && exec >>"$log" 2>&1
    exec bash -l "$0"
fi
set -euo pipefail
{{ prologue }}
{% if srun %}{{ srun }} {% endif %}{{ cmd }}
{{ epilogue }}
"""
"""Template of the batch script. A login shell with ``--export=ALL`` instead of ``--get-user-env``, for which
slurmd needs capabilities that a container may lack."""

COMMENT = "jupyterhub:"
"""Begins the comment of every job; the mark of its start follows."""

VARIABLE = "JUPYTERHUB_LAUNCHER"
SERVER_CONFIG = "JUPYTERHUB_LAUNCHER_SERVER_CONFIG"
END = "END_OF_LAUNCHER"

DIRECTIVE = re.compile(r"#SBATCH\b")
"""sbatch(1): directives stand before the first line that is neither a comment nor blank."""


def launcher_text() -> str:
    """The program that runs in the job."""
    return resources.files(__package__).joinpath("launcher.py").read_text()


def server_config_text() -> str:
    """What the launcher gives the server as a part of its configuration."""
    return resources.files(__package__).joinpath("server_activity.py").read_text()


def server_command(python: str, mark: str, command: list[str]) -> str:
    """The command line that runs the launcher, and by that the server, in a script that :func:`complete` made.

    :param python: the command line of a Python of the job's environment.
    :param command: the server's command; its words are not quoted, so that the job's shell may expand variables.
    """
    run = f"import os; exec(os.environ.pop('{VARIABLE}'))"
    # Isolated, so that nothing in the user's home is taken for a module of the standard library.
    return " ".join([python, "-I", "-S", "-c", f'"{run}"', shlex.quote(mark), *command])


def complete(script: str, mark: str) -> str:
    """A rendered script with the mark, without requeueing (the hub would not notice the new place), with the launcher.

    After the script's own directives, since the last of several counts.
    """
    lines = script.splitlines()
    end = _header_end(lines)
    header = [f"#SBATCH --comment={COMMENT}{mark}", "#SBATCH --no-requeue"]
    launcher = [*_exported(VARIABLE, launcher_text()), *_exported(SERVER_CONFIG, server_config_text())]
    return "\n".join([*lines[:end], *header, *launcher, *lines[end:]]) + "\n"


def _exported(variable: str, text: str) -> list[str]:
    """The lines of a script that put a text into a variable of its environment."""
    return [f"{variable}=$(cat <<'{END}'", *text.splitlines(), END, ")", f"export {variable}"]


def _header_end(lines: list[str]) -> int:
    """The number of lines up to the last directive."""
    end = min(1, len(lines))
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            break
        if DIRECTIVE.match(line):
            end = number
    return end
