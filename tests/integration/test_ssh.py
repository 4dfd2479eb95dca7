# ruff: noqa: S108 - /tmp is the hub container's own
"""What the hub may do at Slurm over SSH, and what nobody may."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.commands import ok
from tests.support.hub_client import HubClient
from tests.support.running_instance import RunningInstance

WRAPPERS = "/opt/slurmspawner_wrappers/bin"
SBATCH, SQUEUE, SCANCEL = (f"{WRAPPERS}/slurmspawner_{name}" for name in ("sbatch", "squeue", "scancel"))
ACCOUNT = "testuser.project1"
SCRIPT = "#!/bin/sh\nsleep 30\n"


@pytest.fixture(autouse=True)
def _no_jobs_left(running: RunningInstance) -> Iterator[None]:
    yield
    running.cancel(*running.jobs())


def test_wrappers_submit_query_and_cancel_as_a_user(running: RunningInstance) -> None:
    job = ok(running.ssh("sudo", "-n", "-u", ACCOUNT, SBATCH, stdin=SCRIPT)).stdout.strip()
    assert job.isdigit()
    assert running.job_field(job, "username") == ACCOUNT
    sudo = ("sudo", "-n", "-u", ACCOUNT, f"SLURMSPAWNER_JOB_ID={job}")
    assert ok(running.ssh(*sudo, SQUEUE)).stdout.split()[0] in ("PENDING", "CONFIGURING", "RUNNING")
    ok(running.ssh(*sudo, SCANCEL))
    assert running.job_state(job) == "CANCELLED"


@pytest.mark.parametrize(
    "command",
    [
        ("sudo", "-n", SBATCH),
        ("sudo", "-n", "-u", "root", SBATCH),
        ("sudo", "-n", "-u", "#0", SBATCH),
        ("sudo", "-n", "-u", "slurm", SBATCH),
        ("sudo", "-n", "-u", "munge", SBATCH),
        ("sudo", "-n", "-u", "nobody", SBATCH),
        ("sudo", "-n", "-u", "jupyterspawner", SBATCH),
        ("sudo", "-n", "-u", ACCOUNT, "-g", "root", SBATCH),
        ("sudo", "-n", "-u", ACCOUNT, SBATCH, "--version"),
        ("sudo", "-n", "-u", ACCOUNT, SQUEUE, "--help"),
        ("sudo", "-n", "-u", ACCOUNT, "/usr/bin/sbatch"),
        ("sudo", "-n", "-u", ACCOUNT, "/bin/sh"),
        ("sudo", "-n", "-u", ACCOUNT, "-s"),
        ("sudo", "-n", "-u", ACCOUNT, "-i"),
        ("sudo", "-n", "-u", ACCOUNT, "-e", "/etc/passwd"),
        ("sudo", "-n", "-u", ACCOUNT, "LD_PRELOAD=/tmp/x.so", SBATCH),
        ("sudo", "-n", "-u", ACCOUNT, "PATH=/tmp", SBATCH),
        ("sudo", "-n", "-u", ACCOUNT, "PYTHONPATH=/tmp", SBATCH),
        ("sudo", "-n", "-u", ACCOUNT, "-D", "/tmp", SBATCH),
        ("sudo", "-n", "-E", "-u", ACCOUNT, SBATCH),
        ("su", "-c", "id", ACCOUNT),
    ],
    ids=" ".join,
)
def test_sudo_refuses_anything_else(running: RunningInstance, command: tuple[str, ...]) -> None:
    done = running.ssh(*command, stdin=SCRIPT)
    assert done.status not in (0, 124, 255), done
    assert not done.stdout
    assert not running.jobs()


def test_service_account_gets_no_jobs_of_its_own(running: RunningInstance) -> None:
    done = running.ssh("sbatch", "--wrap", "id")
    assert done.status == 1, done
    assert "sbatch: error" in done.stderr
    assert not running.jobs()


def test_user_cannot_cancel_the_job_of_another(running: RunningInstance) -> None:
    job = ok(running.ssh("sudo", "-n", "-u", ACCOUNT, SBATCH, stdin=SCRIPT)).stdout.strip()
    done = running.ssh("sudo", "-n", "-u", "otheruser.project1", f"SLURMSPAWNER_JOB_ID={job}", SCANCEL)
    assert done.status != 0
    assert "denied" in done.stderr
    assert running.jobs(ACCOUNT) == [job]


@pytest.mark.parametrize("job", ["--user=testuser.project1", "1,2", "0", "", "1 --full", "$(id)"])
def test_job_id_is_never_an_option(running: RunningInstance, job: str) -> None:
    sudo = ("sudo", "-n", "-u", ACCOUNT, f"'SLURMSPAWNER_JOB_ID={job}'")
    done = running.ssh(*sudo, SCANCEL)
    assert done.status == 2, done


def test_only_the_key_opens_the_door(running: RunningInstance) -> None:
    no_key = ("-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password,keyboard-interactive")
    done = running.ssh("id", options=no_key)
    assert done.status == 255
    # The list of what would be accepted: neither passwords nor anything else that could be guessed.
    assert "Permission denied (publickey)" in done.stderr


def test_another_key_is_refused(running: RunningInstance) -> None:
    key = "/tmp/another-key"
    running.hub("sh", "-c", f"rm -f {key}* && ssh-keygen -q -t ed25519 -N '' -f {key}")
    # The file of settings names the hub's key too: identities add up, so another file without it.
    settings = (
        f"sed 's,^ *IdentityFile .*,IdentityFile {key},' /etc/brics/ssh/ssh_config >/tmp/another-config"
    )
    running.hub("sh", "-c", settings)
    done = running.ssh("id", options=("-F", "/tmp/another-config"))
    assert done.status == 255
    assert "Permission denied (publickey)" in done.stderr


@pytest.mark.parametrize("user", ["root", "slurm", ACCOUNT])
def test_another_user_is_refused(running: RunningInstance, user: str) -> None:
    done = running.ssh("id", options=("-l", user))
    assert done.status == 255
    assert "Permission denied (publickey)" in done.stderr


@pytest.mark.parametrize(
    "forwarding",
    [("-W", "127.0.0.1:6817"), ("-o", "ExitOnForwardFailure=yes", "-R", "127.0.0.1:23456:127.0.0.1:22")],
    ids=["local", "remote"],
)
def test_no_port_is_forwarded(running: RunningInstance, forwarding: tuple[str, ...]) -> None:
    options = ("-o", "ClearAllForwardings=no", *forwarding)
    done = running.ssh(*([] if "-W" in forwarding else ["id"]), options=options)
    assert done.status == 255, done
    assert "prohibited" in done.stderr or "forwarding failed" in done.stderr


def test_no_terminal(running: RunningInstance) -> None:
    done = running.ssh("tty", options=("-tt",))
    assert "PTY allocation request failed" in done.stderr
    assert done.status != 0


def test_no_variable_travels_over_ssh(running: RunningInstance) -> None:
    command = ("env", "SBATCH_PARTITION=x", "LC_X=x", "JUPYTERHUB_USER=somebody")
    names = "SBATCH_PARTITION LC_X JUPYTERHUB_USER"
    ssh = ("ssh", "-F", "/etc/brics/ssh/ssh_config", "-o", f"SendEnv={names}", "slurm", "env")
    environment = running.hub(*command, *ssh)
    assert "USER=jupyterspawner" in environment
    assert not [name for name in names.split() if f"{name}=" in environment]


@pytest.mark.parametrize("known_hosts", ["another-key", "nothing"])
def test_wrong_host_key_is_refused(running: RunningInstance, known_hosts: str) -> None:
    file = f"/tmp/known-hosts-{known_hosts}"
    if known_hosts == "nothing":
        running.hub("sh", "-c", f": >{file}")
    else:
        running.hub("sh", "-c", "rm -f /tmp/host-key* && ssh-keygen -q -t ed25519 -N '' -f /tmp/host-key")
        running.hub("sh", "-c", f"echo 127.0.0.1 $(cut -d' ' -f1,2 /tmp/host-key.pub) >{file}")
    done = running.ssh("id", options=("-o", f"UserKnownHostsFile={file}"))
    assert done.status == 255
    assert "Host key verification failed" in done.stderr


def test_user_of_a_notebook_has_no_way_to_the_hubs_rights(testuser: HubClient) -> None:
    testuser.start(brics_project="project1.brics")
    code = """
import subprocess
for command in (["sudo", "-n", "id"], ["ssh", "-o", "BatchMode=yes", "jupyterspawner@127.0.0.1", "id"],
                ["cat", "/etc/brics/ssh-host-key/ssh_host_ed25519_key"], ["cat", "/var/lib/munge/munge.key"],
                ["ls", "/var/spool/slurm/slurmctld"], ["cat", "/etc/shadow"], ["cat", "/var/log/slurm/sudo.log"]):
    try:
        print(subprocess.run(command, capture_output=True, timeout=30).returncode != 0)
    except FileNotFoundError:
        print(True)
"""
    assert testuser.run(code).split() == ["True"] * 7
