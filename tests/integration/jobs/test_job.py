"""What a job is to its user and to others: its files' modes, its kernels' sockets, its life under a restarted hub."""

from __future__ import annotations

import json

from tests.support.hub_client import HubClient
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

ACCOUNT, OTHER = "testuser.project1", "otheruser.project1"
HOME = f"/home/project1/{ACCOUNT}"
OPTIONS = {"brics_project": "project1.brics"}

KERNEL = """
import glob, json, os
folder = os.environ["JUPYTER_RUNTIME_DIR"]
(file,) = glob.glob(folder + "/kernel-*.json")
files = [os.path.realpath(file) for file in glob.glob("/proc/self/fd/*")]
inodes = {file.split("[")[1].rstrip("]") for file in files if "socket:[" in file}
rows = [line.split() for line in open("/proc/net/tcp")]
listening = [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in inodes]
from ipykernel.kernelapp import IPKernelApp
inbox = getattr(IPKernelApp.instance().iopub_thread, "_pipe_port", None)
print(json.dumps({
    "folder": folder, "connection": json.load(open(file)), "listening": listening, "inbox": inbox,
}))
"""

CONNECT = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
try: s.connect(sys.argv[1])
except OSError as error: print(error.strerror)
else: print("connected")
"""


def test_files_have_the_modes_of_the_users_login(running: RunningInstance, testuser: HubClient) -> None:
    running.slurm("sh", "-c", f"echo umask 027 >{HOME}/.bash_profile", user=ACCOUNT)
    try:
        testuser.start(**OPTIONS)
        (job,) = running.jobs(ACCOUNT)
        made = "import os, subprocess\nopen('from-notebook', 'w')\nprint(subprocess.getoutput('umask'))"
        assert (
            testuser.run(made).strip() == running.slurm("su", "-", ACCOUNT, "-c", "umask").strip() == "0027"
        )
        script = "#!/bin/bash -l\n#SBATCH --output=/dev/null\ntouch from-sbatch\n"
        running.slurm("bash", "-c", f"cd && printf {script!r} | sbatch --wait", user=ACCOUNT)
        modes = running.slurm("stat", "--format=%a", f"{HOME}/from-notebook", f"{HOME}/from-sbatch").split()
        assert modes == ["640", "640"]
        log = running.slurm("stat", "--format=%a %U", f"{HOME}/jupyterhub_slurmspawner_{job}.log").strip()
        assert log == f"600 {ACCOUNT}"
    finally:
        running.slurm("rm", "-f", f"{HOME}/.bash_profile", f"{HOME}/from-notebook", f"{HOME}/from-sbatch")


def test_default_umask_is_that_of_login(running: RunningInstance, testuser: HubClient) -> None:
    testuser.start(**OPTIONS)
    umask = testuser.run("import subprocess; print(subprocess.getoutput('umask'))").strip()
    assert umask == running.slurm("su", "-", ACCOUNT, "-c", "umask").strip()


def test_others_cannot_reach_kernels(running: RunningInstance, testuser: HubClient) -> None:
    config = f"{HOME}/.jupyter/jupyter_server_config.py"
    wish = "c.KernelManager.transport = c.ServerKernelManager.transport = 'tcp'"
    running.slurm("bash", "-c", f'mkdir -p {HOME}/.jupyter && echo "{wish}" >{config}', user=ACCOUNT)
    try:
        testuser.start(**OPTIONS)
        about = json.loads(testuser.run(KERNEL))
    finally:
        running.slurm("rm", "-r", f"{HOME}/.jupyter")
    assert about["connection"]["transport"] == "ipc"
    # ipykernel takes the output of forked processes at a port of its own: it sends nothing there, and wants a secret.
    assert set(about["listening"]) <= {about["inbox"]}
    folder = about["folder"]
    assert running.slurm("stat", "--format=%U %F", folder).strip() == f"{ACCOUNT} directory"
    assert running.slurm("stat", "--format=%A", folder)[:10] in ("drwx------", "drwx-----T")
    socket = f"{about['connection']['ip']}-{about['connection']['iopub_port']}"
    assert len(socket) < 107
    assert running.slurm("python3", "-c", CONNECT, socket, user=OTHER).strip() == "Permission denied"
    assert running.run("slurm", "ls", folder, user=OTHER).status != 0
    testuser.stop()
    wait_for(lambda: running.run("slurm", "ls", folder).status != 0, "the folder is removed")


def test_suspended_job_lives_through_a_restart_of_the_hub(
    running: RunningInstance, testuser: HubClient
) -> None:
    testuser.start(**OPTIONS)
    (job,) = running.jobs(ACCOUNT)
    with testuser.kernel() as kernel:
        kernel.run("x = 42")
        running.slurm("scontrol", "suspend", job)
        try:
            before = running.container("jupyterhub").attrs["State"]["Pid"]
            running.container("jupyterhub").restart(timeout=10)
            wait_for(
                lambda: running.container("jupyterhub").attrs["State"]["Pid"] not in (0, before), "it is back"
            )
            wait_for(lambda: hub_answers(testuser), "the hub answers", 180)
            assert running.job_state(job) == "SUSPENDED"
            answer = testuser.start_by_api({})  # polls now, and says so if the server is there
            assert answer.status_code == 400, answer.text
            wait_for(lambda: "does not answer" in log(running), "the hub has tried the server", 90)
        finally:
            running.slurm("scontrol", "resume", job)
        assert kernel.run("print(x)").strip() == "42"
    assert running.jobs(ACCOUNT) == [job]


def log(running: RunningInstance) -> str:
    text: bytes = running.container("jupyterhub").logs(tail=300)
    return text.decode(errors="replace")


def hub_answers(client: HubClient) -> bool:
    try:
        return client.get("/hub/health").status_code == 200
    except OSError:
        return False
