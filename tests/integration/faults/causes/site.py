"""A site's own rules, in the files that a developer may have in ``config/ENV/slurm``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.faults.causes import submission
from tests.integration.faults.scene import ACCOUNT, SECOND_ACCOUNT, Scene
from tests.support import slurm_faults
from tests.support.waiting import wait_for

PRIVATE = "PrivateData=jobs\n"

WORDS = "Your project has <b>expired</b>: write to helpdesk."
SUBMIT = f"""
function slurm_job_submit(job, partitions, uid) slurm.log_user({WORDS!r}) return slurm.ERROR end
function slurm_job_modify(job, record, partitions, uid) return slurm.SUCCESS end
return slurm.SUCCESS
"""

PREEMPTION = "PreemptType=preempt/partition_prio\nPreemptMode=CANCEL\n"
PARTITIONS = """PartitionName=DEFAULT Nodes=ALL AllowGroups=jupyterusers
PartitionName=workq Default=YES MaxTime=1-00:00:00 DefaultTime=01:00:00
PartitionName=urgent PriorityTier=10
"""
RESERVATION = f"ReservationName=course.1 Users={ACCOUNT} StartTime=now+1hour Duration=60 Nodes=n2\n"


@contextmanager
def files(scene: Scene, contents: dict[str, str]) -> Iterator[None]:
    """Have these files, and an instance that ``up`` has given them to, while the ``with`` block lasts."""
    folder = scene.real.root / "config" / scene.real.environment / "slurm"
    folder.mkdir(exist_ok=True)
    for name, text in contents.items():
        (folder / name).write_text(text)
    try:
        said = scene.up()
        assert "Slurm reads its configuration again" in said, said
        assert "jobs go on" in said, said
        yield
    finally:
        shutil.rmtree(folder)
        scene.up()
        wait_for(scene.real.takes_jobs, "Slurm takes jobs")


@contextmanager
def private_jobs(scene: Scene) -> Iterator[None]:
    """The service account may not see others' jobs."""
    with files(scene, {"site.conf": PRIVATE}):
        seen = scene.real.slurm("squeue", "--noheader", "--format=%i", user="jupyterspawner")
        assert not seen.split(), seen
        yield


@contextmanager
def private_jobs_and_lost_answer(scene: Scene) -> Iterator[None]:
    """The service account may not see others' jobs, and sbatch's answer is lost."""
    with private_jobs(scene), submission.lost_answer(scene):
        yield


@contextmanager
def refuses(scene: Scene) -> Iterator[None]:
    """The site's job_submit/lua refuses every job, in its own words."""
    with files(scene, {"site.conf": "JobSubmitPlugins=lua\n", "job_submit.lua": SUBMIT}):
        yield


@contextmanager
def preempts(scene: Scene) -> Iterator[None]:
    """A job of a partition of higher priority takes every node."""
    with files(scene, {"site.conf": PREEMPTION, "partitions.conf": PARTITIONS}):
        options = ("--partition=urgent", "--nodes=2", "--exclusive", "--chdir=/tmp", "--output=/dev/null")
        job = scene.real.slurm("sbatch", "--parsable", *options, "--wrap=sleep 600", user=SECOND_ACCOUNT)
        try:
            wait_for(lambda: scene.real.job_state(job.strip()) == "RUNNING", "the urgent job runs")
            yield
        finally:
            scene.real.slurm("scancel", job.strip())
            wait_for(lambda: not scene.real.jobs(SECOND_ACCOUNT), "the urgent job has ended")


@contextmanager
def edits(scene: Scene) -> Iterator[None]:
    """Partitions and reservations are others than before."""
    with files(scene, {"partitions.conf": PARTITIONS, "reservations": RESERVATION}):
        yield
    assert "course.1" not in scene.real.slurm("scontrol", "--oneliner", "show", "reservation")
    assert "urgent" not in scene.real.slurm("sinfo", "--noheader", "--format=%R").split()


@contextmanager
def slow(scene: Scene) -> Iterator[None]:
    """The controller has a moment for questions every three seconds."""
    with slurm_faults.slow(scene.real, "slurmctld"):
        yield
