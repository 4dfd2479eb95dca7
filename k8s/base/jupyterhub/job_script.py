"""The batch script of a notebook server: a template for batchspawner, made from what the deployment sets."""

from collections.abc import Mapping

BATCH_SCRIPT = """#!/bin/bash
#SBATCH --job-name=spawner-jupyterhub
#SBATCH --export=ALL
#SBATCH --chdir={{homedir}}
#SBATCH --output=/dev/null
#SBATCH --no-requeue
#SBATCH --nodes=1
{% if runtime %}#SBATCH --time={{runtime}}
{% endif %}{% if partition %}#SBATCH --partition={{partition}}
{% endif %}{% if reservation %}#SBATCH --reservation={{reservation}}
{% endif %}{% if account %}#SBATCH --account={{account}}
{% endif %}{% if qos %}#SBATCH --qos={{qos}}
{% endif %}{% if memory %}#SBATCH --mem={{memory}}
{% endif %}{% if nprocs %}#SBATCH --cpus-per-task={{nprocs}}
{% endif %}{% if ngpus and ngpus|int %}#SBATCH --gpus={% if gpu_type %}{{gpu_type}}:{% endif %}{{ngpus|int}}
{% endif %}{% if gres %}#SBATCH --gres={{gres}}
{% endif %}{% if options %}#SBATCH {{options}}
{% endif %}
# The log is its user's alone from its first byte on; their own files have the umask of their login. The
# output of login scripts goes into the log, too.
if ! shopt -q login_shell; then
    log="{{homedir}}/jupyterhub_slurmspawner_$SLURM_JOB_ID.log"
    (umask 077 && set -C && : >"$log") 2>/dev/null && exec >>"$log" 2>&1
    exec bash -l "$0"
fi
# sudo leaves traces of the service account.
unset -v "${!SUDO_@}"
set -euo pipefail
@SOFTWARE@
@DIRECTORY@
{{prologue}}
{% if epilogue %}# A signal is for the server; what comes after it runs all the same, within Slurm's KillWait.
trap : TERM
status=0
{% if srun %}{{srun}} {% endif %}{{cmd}} || status=$?
{{epilogue}}
exit "$status"
{% else %}exec {% if srun %}{{srun}} {% endif %}{{cmd}}
{% endif %}"""
"""All of batchspawner's variables for Slurm are in it. The last of several directives counts, so that ``options`` may
say something else.

``--export=ALL`` with a login shell: ``--export=NAME,…`` implies ``--get-user-env``, which kills slurmd in a container
without CAP_SYS_ADMIN (Slurm 24.11). sudo has already reduced the environment to the names that its policy keeps.
"""


def batch_script(deploy: Mapping[str, str]) -> str:
    """The template.

    :param deploy: key of deploy.yaml → value.
    """
    return BATCH_SCRIPT.replace("@SOFTWARE@", _software(deploy)).replace("@DIRECTORY@", _directory(deploy))


def srun(deploy: Mapping[str, str]) -> str:
    """What the server's command begins with; empty: it runs in no job step of its own."""
    if deploy["jobSrun"] != "true":
        return ""
    # Since Slurm 22.05 a step does not take over the job's --cpus-per-task.
    cpus = f" --cpus-per-task={deploy['jobCpus']}" if "jobCpus" in deploy else ""
    return f"srun --export=ALL{cpus}"


def _software(deploy: Mapping[str, str]) -> str:
    """An environment, or that of a conda installation, whose scripts use variables that may be unset."""
    if "condaPrefixDir" in deploy:
        lines = ["set +u", f'source "{deploy["condaPrefixDir"]}/bin/activate" jupyter-user-env', "set -u"]
    else:
        lines = [f'export PATH="{deploy["jupyterEnvDir"]}/bin:$PATH"']
    if "jupyterDataDir" in deploy:
        # Shared kernels, before those of the environment. (JUPYTER_DATA_DIR would have to be the user's own.)
        lines.append(f'export JUPYTER_PATH="{deploy["jupyterDataDir"]}${{JUPYTER_PATH:+:$JUPYTER_PATH}}"')
    return "\n".join(lines)


def _directory(deploy: Mapping[str, str]) -> str:
    """The directory that JupyterLab shows: the home if it is not set, or not there for this user."""
    if "notebookDir" not in deploy:
        return ""
    path = deploy["notebookDir"]
    if path.startswith("~"):
        path = f"$HOME{path[1:]}"
    path = path.replace("{project}", "${SLURM_JOB_USER##*.}").replace("{username}", "$SLURM_JOB_USER")
    return f"""directory="$(set +u; echo "{path}")"
if [ -d "$directory" ]; then
    export JUPYTERHUB_ROOT_DIR="$directory"
else
    echo "notebookDir: $directory is not there: the home directory is shown" >&2
fi"""
