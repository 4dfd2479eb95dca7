"""Tells JupyterLab's page when the Slurm job of its server ends. Read by the servers of this image's environment."""

import os
import subprocess
from contextlib import suppress

c = get_config()  # type: ignore[name-defined] # noqa: F821 - defined where this is read

SQUEUE_S = 5


def job_end() -> str:
    """When the job ends, as far as is known at its start, in seconds since 1970; empty: not known."""
    # sbatch(1); older versions of Slurm do not set it.
    if end := os.environ.get("SLURM_JOB_END_TIME", ""):
        return end
    if job := os.environ.get("SLURM_JOB_ID"):
        command = ["squeue", "--noheader", f"--jobs={job}", "--format=%e"]
        environment = {**os.environ, "SLURM_TIME_FORMAT": "%s"}
        with suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SQUEUE_S)
            return done.stdout.strip()
    return ""


if (end := job_end()).isdecimal():
    c.ServerApp.tornado_settings = {
        # jupyterlab_server puts these into the page.
        "page_config_data": {
            "slurmJobEnd": end,
            "timeLeftMarks": os.environ.get("JUPYTERHUB_TIME_LEFT_MARKS", ""),
        }
    }
