"""The Slurm image on Debian 12, whose Slurm 22.05 is close to that of the registry's image."""

from __future__ import annotations

import pytest

from tests.support.waiting import wait_for
from tests.support.world import One


@pytest.mark.full
def test_slurm_22_05_runs_a_job(one: One) -> None:
    one.world.replace("config/versions.yaml", "\n  slurm: trixie\n", "\n  slurm: bookworm\n")
    one.up("--base", "local")
    assert " 22.05" in one.run("slurm", "sinfo", "--version")
    assert "VERSION_CODENAME=bookworm" in one.run("slurm", "cat", "/etc/os-release")
    assert one.run("slurm", "sinfo", "--noheader", "--format=%T").split()[0] == "idle"
    client = one.client()
    form = "interactive (8 of 8 GPUs free, 2 of 2 nodes free, at most 08:00:00)"
    wait_for(lambda: form in client.get("/hub/spawn/testuser").text, "the form knows the cluster", 90)
    refused = client.start_by_api({"brics_project": "project1.brics", "gpu_type": "a100"})
    assert "gpu_type: must be one of gh200." in refused.json()["message"]
    client.start(brics_project="project1.brics", partition="interactive", gpu_type="gh200", ngpus="1")
    (job,) = one.jobs()
    assert "gpu:gh200:1" in one.run("slurm", "squeue", "--noheader", "--jobs", job, "-O", "tres-per-job:40")
    assert client.run("import os; print(os.environ['SLURM_JOB_ID'])").strip() == job
    # This Slurm does not tell a job when it ends.
    end = one.run("slurm", "env", "SLURM_TIME_FORMAT=%s", "squeue", "--noheader", "--format=%e").strip()
    assert f'"slurmJobEnd": "{end}"' in client.open_lab().text
    client.stop()
    assert one.jobs() == []
