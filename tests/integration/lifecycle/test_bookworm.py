"""The Slurm image on Debian 12, whose Slurm 22.05 is close to that of the registry's image."""

from __future__ import annotations

import pytest

from tests.support.world import One


@pytest.mark.full
def test_slurm_22_05_runs_a_job(one: One) -> None:
    one.world.replace("config/versions.yaml", "\n  slurm: trixie\n", "\n  slurm: bookworm\n")
    one.up("--base", "local")
    assert " 22.05" in one.run("slurm", "sinfo", "--version")
    assert "VERSION_CODENAME=bookworm" in one.run("slurm", "cat", "/etc/os-release")
    assert one.run("slurm", "sinfo", "--noheader", "--format=%T").split()[0] == "idle"
    client = one.client()
    client.start(brics_project="project1.brics", ngpus="1")
    (job,) = one.jobs()
    assert "gpu:1" in one.run("slurm", "squeue", "--noheader", "--jobs", job, "-O", "tres-per-job:40")
    assert client.run("import os; print(os.environ['SLURM_JOB_ID'])").strip() == job
    client.stop()
    assert one.jobs() == []
