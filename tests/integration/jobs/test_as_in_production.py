"""What users and operators of the production service know of their jobs: names, kernels of their own, the queue."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.hub_client import HubClient
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

ACCOUNT = "testuser.project1"
HOME = f"/home/project1/{ACCOUNT}"
OPTIONS = {"brics_project": "project1.brics"}
KERNEL = {"argv": ["/opt/jupyter/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"]}
MAKE_FILES = f"""
mkdir -p {HOME}/.local/share/jupyter/kernels/mine {HOME}/.jupyter
cat >{HOME}/.local/share/jupyter/kernels/mine/kernel.json
echo 'open("{HOME}/configuration-was-read", "w")' >{HOME}/.jupyter/jupyter_server_config.py
echo 'export JUPYTERHUB_DISABLE_USER_CONFIG=1' >{HOME}/.bash_profile
"""


def test_job_has_the_name_that_it_has_in_production(running: RunningInstance, testuser: HubClient) -> None:
    testuser.start(**OPTIONS, ngpus="2")
    (job,) = running.jobs(ACCOUNT)
    assert running.job_field(job, "Name") == "spawner-jupyterhub"
    assert running.job_field(job, "NumNodes") == "1"
    assert running.job_field(job, "tres-per-job") in ("gres/gpu:2", "gres:gpu:2", "gpu:2")
    assert f"jupyterhub_slurmspawner_{job}.log" in running.slurm("ls", HOME)


def test_users_have_their_kernels_where_their_configuration_is_not_read(
    running: RunningInstance, testuser: HubClient
) -> None:
    kernel = json.dumps({**KERNEL, "display_name": "Mine", "language": "python"})
    running.slurm("bash", "-c", f"printf %s '{kernel}' | bash -c \"$0\"", MAKE_FILES, user=ACCOUNT)
    try:
        testuser.start(**OPTIONS)
        testuser.open_lab()
        found = testuser.get(f"{testuser.server_path}/api/kernelspecs").json()
        assert {"mine", "python3"} <= found["kernelspecs"].keys()
        assert "configuration-was-read" not in running.slurm("ls", HOME)
        answer = testuser.request("POST", f"{testuser.server_path}/api/kernels", {"name": "mine"})
        assert answer.status_code == 201, answer.text
    finally:
        files = (".local/share/jupyter/kernels", ".jupyter", ".bash_profile", "configuration-was-read")
        running.slurm("rm", "-rf", *(f"{HOME}/{name}" for name in files))


@contextmanager
def no_job_starts(running: RunningInstance) -> Iterator[None]:
    """Keep new jobs in the queue while the ``with`` block lasts."""
    partition = running.slurm("sinfo", "--noheader", "--format=%R").split()[0]
    running.slurm("scontrol", "update", f"PartitionName={partition}", "State=DOWN")
    try:
        yield
    finally:
        running.slurm("scontrol", "update", f"PartitionName={partition}", "State=UP")


def shown_while_waiting(client: HubClient) -> str:
    """What the page of a starting server shows as soon as it knows the place in the queue."""
    with client.get(f"/hub/api/users/{client.user}/server/progress", stream=True) as events:
        for line in events.iter_lines():
            if line.startswith(b"data:"):
                message: str = json.loads(line.removeprefix(b"data:"))["message"]
                if "Place 1 of 1" in message:
                    return message
    raise AssertionError("no place in the queue was shown")


def test_a_server_waits_in_the_queue_and_then_starts(running: RunningInstance, testuser: HubClient) -> None:
    with no_job_starts(running):
        pressed = threading.Thread(target=testuser.start_by_api, args=(OPTIONS,))
        pressed.start()
        wait_for(lambda: running.jobs(ACCOUNT), "the job is in the queue")
        (job,) = running.jobs(ACCOUNT)
        assert "the partition takes no jobs at the moment (PartitionDown)" in shown_while_waiting(testuser)
        assert running.job_state(job) == "PENDING"
    pressed.join(60)
    testuser.wait_until_ready()
    assert running.jobs(ACCOUNT) == [job]
