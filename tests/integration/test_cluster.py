"""The cluster in the pod: jobs of several nodes, and a server on a node that is not the first."""

from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

ACCOUNT = "testuser.project1"
SCRIPT = """cd
sbatch --parsable --wait --nodes=2 --gpus-per-node=gh200:4 --output=nodes.log <<'END'
#!/bin/bash
srun --ntasks-per-node=1 printenv SLURMD_NODENAME
END
sort nodes.log
"""


def test_a_job_runs_on_several_nodes_with_all_their_gpus(running: RunningInstance) -> None:
    job, *nodes = running.slurm("bash", "-c", SCRIPT, user=ACCOUNT).split()
    assert nodes == ["n1", "n2"]
    assert running.job_state(job) == "COMPLETED"


def test_a_server_runs_on_a_node_that_is_not_the_first(running: RunningInstance) -> None:
    cpus = running.slurm("sinfo", "--noheader", "--nodes=n1", "--format=%c").split()[0]
    full = (
        "sbatch",
        "--parsable",
        "--nodelist=n1",
        f"--cpus-per-task={cpus}",
        "--wrap=sleep 600",
        "--chdir=/tmp",
    )
    job = running.slurm(*full, "--output=/dev/null", user=ACCOUNT).strip()
    client = running.client("testuser")
    try:
        wait_for(lambda: running.job_state(job) == "RUNNING", "the first node is full")
        client.start(brics_project="project1.brics")
        assert client.run("import os; print(os.environ['SLURMD_NODENAME'])").strip() == "n2"
    finally:
        client.stop()
        running.cancel(job)
