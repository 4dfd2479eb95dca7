"""An edited configuration takes effect on the next `up`; databases, logs, Slurm's state and homes survive it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from brics_envs.errors import BAD_INPUT, FAILED
from tests.support.commands import ok
from tests.support.hub_client import HubClient
from tests.support.waiting import wait_for
from tests.support.world import One

NOTE = "/home/project1/testuser.project1/note.txt"


@dataclass
class Before:
    """What there was before anything was changed."""

    one: One
    client: HubClient
    job: str


@pytest.fixture(scope="module")
def used(one: One) -> Before:
    """The instance after a user has worked with it, with a running server."""
    one.up()
    client = one.client()
    client.start(brics_project="project1.brics")
    client.open_lab()
    body = {"type": "file", "format": "text", "content": "kept"}
    assert client.request("PUT", "/user/testuser/api/contents/note.txt", body).status_code == 201
    (job,) = one.jobs()
    return Before(one, client, job)


def test_change_is_in_force_and_running_jobs_end(used: Before) -> None:
    one = used.one
    one.world.replace("k8s/components/slurm/slurm.conf", "\n", "\n# edited\n")
    one.world.write("config/dev_dummyauth/deploy.local.yaml", "logLevel: DEBUG\njupyterDataDir: /tmp/data\n")
    users = (one.world.root / "config/dev_dummyauth/dev_users").read_text()
    one.world.write("config/dev_dummyauth/dev_users", f"{users}newuser.project3\n")

    done = one.up()
    said = next(line for line in done.stderr.splitlines() if "changed: " in line)
    for item in ("slurm.conf", "logLevel", "jupyterDataDir", "dev_users"):
        assert item in said
    assert "partitions.conf" not in said
    assert "running jobs end" in done.stderr

    assert "# edited" in one.run("slurm", "cat", "/etc/brics/slurm/slurm.conf")
    assert one.run("slurm", "id", "newuser.project3")
    assert one.client("newuser").spawn_form().choices["brics_project"] == ["project3.brics"]
    assert one.run("jupyterhub", "cat", "/etc/brics/deploy/jupyterDataDir") == "/tmp/data"  # noqa: S108
    wait_for(lambda: used.job not in one.jobs(), "the job has ended")
    assert_state_is_kept(used)


def assert_state_is_kept(used: Before) -> None:
    one = used.one
    assert one.run("slurm", "cat", NOTE) == "kept"
    # With the cookie from before: the database and the secret that signs cookies are the same.
    assert used.client.signed_in
    assert one.run("slurm", "find", "/var/log/slurm", "-name", "slurmctld.log", "-size", "+0")
    assert one.run("jupyterhub", "grep", "-c", "now running", "/var/log/jupyterhub/jupyterhub.log") >= "2"
    # Slurm's own state: job numbers go on.
    used.client.stop()
    used.client.start(brics_project="project1.brics")
    (job,) = one.jobs()
    assert int(job) > int(used.job)
    used.client.stop()


def test_failed_up_is_explained_and_resumed(used: Before) -> None:
    one, fragment = used.one, "k8s/components/dummyauth/20-dummyauth.py"
    working = (one.world.root / fragment).read_text()
    one.world.write(fragment, f'{working}raise RuntimeError("broken on purpose")\n')
    failed = one.world.invoke("up", *one.options)
    assert failed.status == FAILED
    assert "error: " in failed.stderr
    assert "Traceback" not in failed.stderr.partition("last lines of the log")[0]
    print(failed.stderr)
    for words in (
        "broken on purpose",
        "hint: ",
        "invoke logs --instance lc-one",
        "invoke down --instance lc-one",
    ):
        assert words in failed.stderr
    # Everything is in place for a look at it.
    assert "broken on purpose" in ok(one.world.invoke("logs", *one.option)).stdout
    assert '"state": "ready"' not in ok(one.world.invoke("status", *one.option, "--json")).stdout

    one.world.write(fragment, working)
    one.world.write("config/dev_dummyauth/deploy.local.yaml", "logLevel: DEBUG\n")
    one.up()
    # A key that was removed does not linger.
    assert "jupyterDataDir" not in one.run("jupyterhub", "ls", "/etc/brics/deploy")
    assert used.client.signed_in


def test_other_environment_is_refused(used: Before) -> None:
    one = used.one
    before = one.container_ids()
    one.world.write("config/dev_realauth/dev_users", "testuser.project1\n")
    options = (*one.option, "--port", str(one.port))
    done = one.world.invoke("up", "--env", "dev_realauth", *options)
    assert done.status == BAD_INPUT
    for words in ("lc-one", "dev_dummyauth", "dev_realauth", "hint: ", "invoke down --instance lc-one"):
        assert words in done.stderr
    assert one.container_ids() == before
    assert used.client.signed_in


def test_down_can_keep_volumes(used: Before) -> None:
    one = used.one
    password = (one.directory / "password").read_text()
    done = one.down("--keep-volumes")
    assert "volumes are kept" in done.stdout
    left = one.world.things()
    assert left.volumes == {"jupyterhub_root_lc-one", "slurm_root_lc-one"}
    assert (left.pods, left.containers, left.secrets) == (frozenset(), frozenset(), frozenset())
    assert left.networks == {"podman"}

    one.up()
    assert (one.directory / "password").read_text() == password
    assert_state_is_kept(used)
    # The key that encrypts what the hub keeps about users is a part of the state.
    assert one.run("slurm", "stat", "--format=%U:%G %a", NOTE).startswith("testuser.project1:")
