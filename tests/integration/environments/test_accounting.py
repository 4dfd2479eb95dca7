"""`slurmAccounting`: sacct, accounts from dev_users, limits and QOS; what is there when slurmdbd is not."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import docker
import pytest

from tests.support.checkout import checkout
from tests.support.commands import Measured
from tests.support.hub_client import HubClient
from tests.support.real_instance import RealInstance, brought_up
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(600, func_only=True)

ACCOUNT = "testuser.project1"
SITE = """
# A course with an account of its own, and short jobs for everybody.
add account course Cluster=brics Description="The course of 2026"
add user testuser.project1 Account=course
add qos short MaxWall=00:20:00 Flags=DenyOnLimit
modify account project1 set QOS+=short
"""
CONFIG = "config/dev_dummyauth"


@pytest.fixture(scope="module")
def accounting(podman: docker.DockerClient, measured: Measured) -> Iterator[RealInstance]:
    """An instance with accounting and a site's own commands."""
    with checkout() as root:
        (root / CONFIG / "dev_users").write_text(f"{ACCOUNT}\ntestuser.project2\notheruser.project1\n")
        (root / CONFIG / "deploy.local.yaml").write_text("slurmAccounting: true\n")
        (root / CONFIG / "slurm").mkdir()
        (root / CONFIG / "slurm/sacctmgr").write_text(SITE)
        began = time.monotonic()
        with brought_up(podman, root, "dev_dummyauth", "accounting", kept_port=8130) as instance:
            measured("up with accounting", time.monotonic() - began)
            yield instance


def signed_in(accounting: RealInstance, user: str = "testuser") -> HubClient:
    client = HubClient(accounting.url)
    client.sign_in(user, accounting.password)
    assert client.signed_in
    return client


def associations(accounting: RealInstance) -> set[str]:
    """ACCOUNT|USER of each."""
    shown = accounting.slurm("sacctmgr", "-nP", "show", "associations", "format=Account,User")
    return {line for line in shown.splitlines() if not line.endswith("|")} - {"root|root"}


def sacct(accounting: RealInstance, job: str) -> str:
    """ACCOUNT|STATE of a job, as its user sees it; empty as long as slurmdbd does not know it."""
    return accounting.slurm("sacct", "-nXP", f"--jobs={job}", "--format=Account,State", user=ACCOUNT).strip()


def test_users_have_associations_and_the_sites_commands_have_run(accounting: RealInstance) -> None:
    assert associations(accounting) == {
        "project1|testuser.project1",
        "project2|testuser.project2",
        "project1|otheruser.project1",
        "course|testuser.project1",
    }


def test_a_server_is_accounted_to_the_chosen_account(accounting: RealInstance) -> None:
    client = signed_in(accounting)
    wait_for(lambda: 'name="qos"' in client.get("/hub/spawn/testuser").text, "the form knows the accounting")
    form = client.get("/hub/spawn/testuser").text
    offered = {
        field: set(
            re.findall(
                r'<option value="([^"]+)"', form.partition(f'name="{field}"')[2].partition("</select>")[0]
            )
        )
        for field in ("account", "qos")
    }
    assert offered == {"account": {"course", "project1", "project2"}, "qos": {"normal", "short"}}
    client.start(brics_project="project1.brics", account="course")
    (job,) = accounting.jobs(ACCOUNT)
    assert client.run("print(6 * 7)").strip() == "42"
    client.stop()
    wait_for(lambda: sacct(accounting, job) not in ("", "course|RUNNING"), "sacct shows the end")
    assert sacct(accounting, job).startswith("course|CANCELLED")


def test_a_limit_is_kept_and_said_at_its_field(accounting: RealInstance) -> None:
    client = signed_in(accounting)
    chosen = {"brics_project": "project1.brics", "account": "project1", "qos": "short", "runtime": "00:30:00"}
    answer = client.submit(client.spawn_form(), chosen)
    assert answer.status_code == 400
    assert "QOSMaxWallDurationPerJobLimit" in answer.text
    client.start(**chosen | {"runtime": "00:15:00"})
    (job,) = accounting.jobs(ACCOUNT)
    assert accounting.job_field(job, "QOS") == "short"
    client.stop()


def test_nobody_takes_somebody_elses_account(accounting: RealInstance) -> None:
    sbatch = ("sbatch", "--chdir=/tmp", "--output=/dev/null", "--account=course", "--wrap=true")
    done = accounting.run("slurm", *sbatch, user="otheruser.project1")
    assert done.status != 0
    assert "Invalid account" in done.stderr
    for command in (["add", "user", "otheruser.project1", "Account=course"], ["add", "account", "mine"]):
        assert accounting.run("slurm", "sacctmgr", "-i", *command, user="otheruser.project1").status != 0
    assert "course|otheruser.project1" not in associations(accounting)


def test_only_slurmdbd_listens_and_only_to_the_pod(accounting: RealInstance) -> None:
    lines = accounting.slurm("cat", "/proc/net/tcp", "/proc/net/tcp6").splitlines()
    listening = {words[1] for words in map(str.split, lines) if words[3:4] == ["0A"]}
    assert "0100007F:1AB2" in listening  # 127.0.0.1:6834
    assert not [address for address in listening if address.endswith(":0CEA")]  # 3306
    status = accounting.run("accounting", "cat", "/proc/1/status").stdout
    assert re.search(r"^Uid:\s+64030\s+64030", status, re.MULTILINE)
    # NET_BIND_SERVICE alone.
    assert re.search(r"^CapEff:\s+0*400$", status, re.MULTILINE)


def test_jobs_outlive_an_outage(accounting: RealInstance) -> None:
    client = signed_in(accounting)
    client.start(brics_project="project1.brics")
    (job,) = accounting.jobs(ACCOUNT)
    service = "/run/accounting/services/slurmdbd"
    assert accounting.run("accounting", "s6-svc", "-wD", "-d", service).status == 0
    try:
        assert client.run("print(6 * 7)").strip() == "42"
        client.stop()
        client.start(brics_project="project1.brics")
        (later,) = accounting.jobs(ACCOUNT)
    finally:
        assert accounting.run("accounting", "s6-svc", "-u", service).status == 0
    client.stop()
    wait_for(
        lambda: all("CANCELLED" in sacct(accounting, one) for one in (job, later)),
        "what happened meanwhile is accounted",
        90,
    )


def test_users_and_commands_follow_their_files(accounting: RealInstance) -> None:
    sacctmgr = accounting.root / CONFIG / "slurm/sacctmgr"
    sacctmgr.write_text(f"{SITE}add qos long\nadd account project3 Cluster=brics\n")
    said = accounting.up()
    assert "Slurm reads its configuration again" in said
    assert "restarting" not in said
    assert "long" in accounting.slurm("sacctmgr", "-nP", "show", "qos", "format=Name").splitlines()

    (accounting.root / CONFIG / "dev_users").write_text(f"{ACCOUNT}\nthird.project3\n")
    accounting.up()
    expected = {"project1|testuser.project1", "course|testuser.project1", "project3|third.project3"}
    assert associations(accounting) == expected

    sacctmgr.write_text("add nonsense x\n")
    done = accounting.invoke(
        "up", "--env", "dev_dummyauth", *accounting.option, "--port", str(accounting.port)
    )
    assert done.status != 0
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr
    sacctmgr.write_text(SITE)
    accounting.up()


def test_without_it_the_container_goes_and_what_it_kept_waits(accounting: RealInstance) -> None:
    own = accounting.root / CONFIG / "deploy.local.yaml"
    own.write_text("slurmAccounting: false\n")
    assert "replacing the pod" in accounting.up()
    names = {one.name for one in accounting.podman.containers.list(all=True)}
    assert accounting.instance.container("accounting") not in names
    assert "disabled" in accounting.run("slurm", "sacct").stderr
    own.write_text("slurmAccounting: true\n")
    accounting.up()
    assert "course|CANCELLED" in accounting.slurm("sacct", "-nXP", "--format=Account,State", user=ACCOUNT)
