"""The main job: a server started through the form runs as a Slurm job of the chosen account."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.hub_client import HubClient
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

ABOUT_THE_JOB = """
import getpass, json, os, socket, time
print(json.dumps({
    "job": os.environ["SLURM_JOB_ID"],
    "user": getpass.getuser(),
    "uid": os.getuid(),
    "node": os.environ["SLURMD_NODENAME"],
    "home": os.path.expanduser("~"),
    "cwd": os.getcwd(),
    "zone": time.tzname[0],
    "environment": dict(os.environ),
}))
"""


def test_cell_runs_in_the_job_of_the_chosen_account(
    running: RunningInstance, testuser: HubClient, measured: Callable[[str, float], None]
) -> None:
    measured("spawn to ready", testuser.start(brics_project="project1.brics", runtime="00:20:00", ngpus="2"))
    about = json.loads(testuser.run(ABOUT_THE_JOB))
    job, account = about["job"], "testuser.project1"
    assert (about["user"], about["node"]) == (account, "n1")
    assert about["uid"] == int(running.slurm("id", "-u", account))
    assert about["home"] == about["cwd"] == f"/home/project1/{account}"
    assert about["zone"] == "UTC"

    assert running.jobs(account) == [job]
    assert running.job_field(job, "username") == account
    assert running.job_field(job, "state") == "RUNNING"
    assert running.job_field(job, "tres-per-job").removeprefix("gres/").removeprefix("gres:") == "gpu:2"
    assert running.job_field(job, "timelimit") == "20:00"
    assert_environment_is_the_users(about["environment"], account)

    testuser.stop()
    wait_for(lambda: not running.jobs(account), "the job has left the queue")
    assert running.job_state(job) == "CANCELLED"
    wait_for(lambda: not processes_of(running, about["uid"]), "the job's processes have ended")


def processes_of(running: RunningInstance, uid: int) -> str:
    """The status lines of a user's processes in the Slurm container."""
    return running.run("slurm", "sh", "-c", f"grep -s '^Uid:\t{uid}\t' /proc/[0-9]*/status").stdout


def assert_environment_is_the_users(environment: dict[str, str], account: str) -> None:
    """Nothing of the service account, its connection and the hub's own secrets is in a job's environment."""
    home = f"/home/project1/{account}"
    for name, value in {"USER": account, "LOGNAME": account, "HOME": home, "SHELL": "/bin/bash"}.items():
        assert environment[name] == value
    left = [f"{name}={value}" for name, value in environment.items() if "jupyterspawner" in value]
    assert not left
    assert not [
        name for name in environment if name.startswith(("SSH_", "SUDO_", "SLURMSPAWNER_", "CONFIGPROXY"))
    ]


def test_form_shows_the_users_projects_and_no_others(testuser: HubClient, otheruser: HubClient) -> None:
    assert testuser.spawn_form().choices["brics_project"] == ["project1.brics", "project2.brics"]
    assert otheruser.spawn_form().choices["brics_project"] == ["project1.brics"]


def test_second_project_is_another_account(running: RunningInstance, testuser: HubClient) -> None:
    testuser.start(brics_project="project2.brics", ngpus="0", partition="interactive")
    about = json.loads(testuser.run(ABOUT_THE_JOB))
    assert (about["user"], about["home"]) == ("testuser.project2", "/home/project2/testuser.project2")
    assert running.job_field(about["job"], "partition") == "interactive"
    assert running.job_field(about["job"], "tres-per-job") in ("", "N/A", "(null)")


def test_two_users_at_the_same_time(
    running: RunningInstance, testuser: HubClient, otheruser: HubClient
) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda user: user.start(brics_project="project1.brics"), (testuser, otheruser)))
        whoami = "import getpass; print(getpass.getuser(), end='')"
        names = list(pool.map(lambda user: user.run(whoami), (testuser, otheruser)))
    assert names == ["testuser.project1", "otheruser.project1"]
    assert len(running.jobs()) == 2

    # Neither gets at what is the other's: server, home, job.
    assert otheruser.get("/user/testuser/api/contents").status_code in (403, 404)
    assert otheruser.request("DELETE", "/hub/api/users/testuser/server").status_code in (403, 404)
    attempt = "import os\ntry: os.listdir('/home/project1/testuser.project1')\nexcept OSError as e: print(e.strerror)"
    assert otheruser.run(attempt).strip() == "Permission denied"


def test_started_by_the_api(running: RunningInstance, otheruser: HubClient) -> None:
    answer = otheruser.start_by_api({"brics_project": "project1.brics", "runtime": "00:05:00"})
    assert answer.status_code in (201, 202), answer.text
    otheruser.wait_until_ready()
    (job,) = running.jobs("otheruser.project1")
    assert running.job_field(job, "timelimit") == "5:00"


@pytest.mark.parametrize(
    "options",
    [
        {"brics_project": "project2.brics"},
        {"brics_project": "project1.elsewhere"},
        {"brics_project": ["project1.brics"]},
        {},
        {"brics_project": "project1.brics", "partition": "nosuch"},
        {"brics_project": "project1.brics", "reservation": "nosuch"},
        {"brics_project": "project1.brics", "partition": "workq\n#SBATCH --uid=0"},
        {"brics_project": "project1.brics", "ngpus": "1; id"},
        {"brics_project": "project1.brics", "runtime": "1-00:00:01"},
        {"brics_project": "project1.brics", "username": "testuser.project1"},
        {"brics_project": "project1.brics", "req_username": "root"},
    ],
)
def test_options_that_are_not_the_users_to_choose(
    running: RunningInstance, otheruser: HubClient, options: dict[str, object]
) -> None:
    answer = otheruser.start_by_api(options)
    assert answer.status_code == 400, f"{answer.status_code}: {answer.text}"
    assert otheruser.server() is None
    assert not running.jobs()


def test_form_says_what_is_wrong(otheruser: HubClient) -> None:
    page = otheruser.submit(otheruser.spawn_form(), {"brics_project": "project2.brics"})
    assert page.status_code in (200, 400)
    assert "is not one of your projects" in page.text


def test_terminal_in_the_job(otheruser: HubClient) -> None:
    otheruser.start(brics_project="project1.brics")
    assert "otheruser.project1 42" in otheruser.run_in_terminal("echo $(whoami) $((6*7))", "project1 42")


def test_notebook_file_is_kept_after_its_server(running: RunningInstance, otheruser: HubClient) -> None:
    otheruser.start(brics_project="project1.brics")
    otheruser.open_lab()
    body = {"type": "file", "format": "text", "content": "kept"}
    saved = otheruser.request("PUT", "/user/otheruser/api/contents/kept.txt", body)
    assert saved.status_code == 201, saved.text
    otheruser.stop()
    assert running.slurm("cat", "/home/project1/otheruser.project1/kept.txt") == "kept"


def test_job_that_slurm_ends_is_noticed(running: RunningInstance, otheruser: HubClient) -> None:
    otheruser.start(brics_project="project1.brics")
    (job,) = running.jobs("otheruser.project1")
    running.slurm("scancel", job)
    wait_for(lambda: otheruser.server() is None, "the hub has noticed that the job is gone")
