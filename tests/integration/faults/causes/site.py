"""A site's own rules, and the time limits that it sets."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.faults.causes import submission
from tests.integration.faults.scene import Scene
from tests.support.waiting import wait_for

CONFIG = "/etc/slurm/slurm.conf"

WORDS = "Your project has <b>expired</b>: write to helpdesk."
SUBMIT = f"""
function slurm_job_submit(job, partitions, uid) slurm.log_user({WORDS!r}) return slurm.ERROR end
function slurm_job_modify(job, record, partitions, uid) return slurm.SUCCESS end
return slurm.SUCCESS
"""


@contextmanager
def private_jobs_and_lost_answer(scene: Scene) -> Iterator[None]:
    """The service account may not see others' jobs, and sbatch's answer is lost."""
    with _setting(scene, "PrivateData=jobs"), submission.lost_answer(scene):
        yield


@contextmanager
def refuses(scene: Scene) -> Iterator[None]:
    """The site's job_submit/lua refuses every job, in its own words."""
    scene.real.slurm("sh", "-c", f"printf %s {shlex.quote(SUBMIT)} >/etc/slurm/job_submit.lua")
    with _setting(scene, "JobSubmitPlugins=lua"):
        yield


@contextmanager
def _setting(scene: Scene, line: str) -> Iterator[None]:
    """Have a line in slurm.conf, and a controller that has read it, while the ``with`` block lasts."""
    real = scene.real
    before = real.slurm("cat", CONFIG)
    try:
        _configure(scene, f"{before}{line}\n")
        yield
    finally:
        _configure(scene, before)


def _configure(scene: Scene, text: str) -> None:
    with scene.real.stopped("slurmctld"):
        scene.real.slurm("sh", "-c", f"printf %s {shlex.quote(text)} >{CONFIG}")
    wait_for(scene.real.takes_jobs, "Slurm takes jobs")
