"""invoke's commands that look at a running instance, as a user runs them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from brics_envs.config.versions import PROJECT_VERSION, load_versions
from brics_envs.effects.git import head_commit
from tests.support.checkout import PROJECT
from tests.support.commands import invoke, ok
from tests.support.hub_client import HubClient
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for


@pytest.mark.parametrize("program", ["invoke", "inv"])
def test_version_is_the_projects(program: str) -> None:
    command = [str(Path(sys.prefix) / "bin" / program), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    name, version, *commit = done.stdout.split(maxsplit=2)
    assert (name, version) == ("brics_jupyterhub_envs", PROJECT_VERSION)
    assert commit == [f"(commit {head_commit(PROJECT)[:12]})\n"]


def test_status_as_json(running: RunningInstance, otheruser: HubClient) -> None:
    otheruser.start(brics_project="project1.brics")
    (job,) = running.jobs("otheruser.project1")
    status = json.loads(ok(invoke("status", "--instance", running.instance.name, "--json")).stdout)
    (one,) = status["instances"]
    assert one.keys() == {"instance", "env", "pod", "url", "state", "containers", "slurm"}
    assert one["instance"] == running.instance.name
    assert one["env"] == "dev_dummyauth"
    assert one["pod"] == running.instance.pod
    assert one["url"] == f"{running.url}/"
    assert one["state"] == "ready"
    containers = {container["name"]: container for container in one["containers"]}
    assert containers.keys() == {"configurable-http-proxy", "jupyterhub", "slurm"}
    for name, container in containers.items():
        assert container.keys() == {"name", "image", "state", "ready"}
        assert container["state"] == "running"
        assert container["ready"] is True
        image = "jupyterhub" if name == "configurable-http-proxy" else name
        assert container["image"].startswith(f"localhost/brics_{image}:dev-")
    assert [node["name"] for node in one["slurm"]["nodes"]] == ["n1", "n2"]
    (shown,) = one["slurm"]["jobs"]
    assert (shown["id"], shown["user"], shown["state"]) == (job, "otheruser.project1", "RUNNING")


def test_status_for_reading(running: RunningInstance) -> None:
    shown = ok(invoke("status", *running.option)).stdout
    assert running.url in shown
    assert "ready" in shown


@pytest.mark.parametrize(
    ("container", "line"), [("jupyterhub", "JupyterHub is now running"), ("slurm", "slurmctld")]
)
def test_logs_show_output_and_files(running: RunningInstance, container: str, line: str) -> None:
    shown = ok(invoke("logs", *running.option, "--container", container)).stdout
    assert line in shown
    directory = {"jupyterhub": "jupyterhub.log", "slurm": "slurmctld.log"}
    assert directory[container] in shown


def test_logs_of_late_without_colours(running: RunningInstance) -> None:
    """The last lines of each log, and what was written since; a pipe gets no colours, whatever the log has."""
    proxy = "configurable-http-proxy"
    assert "\x1b[" in running.container(proxy).logs().decode()
    assert "\x1b" not in ok(invoke("logs", *running.option, "--container", proxy)).stdout
    options = ("logs", *running.option, "--container", "jupyterhub")
    shown = ok(invoke(*options, "--tail", "2")).stdout
    # Two headers, and two lines of each log.
    assert len([line for line in shown.splitlines() if line.strip()]) == 6
    running.client().get("/hub/of-late")
    # The hub answers first, and then writes the line.
    wait_for(
        lambda: ok(invoke(*options, "--since", "60s")).stdout.count("GET /jupyter/hub/of-late") == 2,
        "the request is in both logs",
    )
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
    assert "[" not in ok(invoke(*options, "--since", tomorrow)).stdout


def test_logs_are_followed_until_ctrl_c(running: RunningInstance, tmp_path: Path) -> None:
    """The containers' new output and the new lines of Slurm's files."""
    output = tmp_path / "output"
    with output.open("wb") as stream:
        command = [sys.executable, "-m", "invoke", "logs", *running.option, "--follow"]
        following = subprocess.Popen(
            command, cwd=PROJECT, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL
        )
    try:
        wait_for(lambda: "JupyterHub is now running" in output.read_text(), "what there is already")
        wait_for(lambda: "==> " in output.read_text(), "Slurm's files are followed")
        running.slurm("scontrol", "update", "NodeName=n1", "Comment=followed")
        running.client().get("/hub/followed")
        wait_for(lambda: "GET /jupyter/hub/followed" in output.read_text(), "a new line of the hub's")
        following.send_signal(signal.SIGINT)
        assert following.wait(30) == 0
        assert "error" not in output.read_text().splitlines()[-1]
    finally:
        following.kill()
        following.wait()


def test_logs_of_a_container_that_has_ended(running: RunningInstance) -> None:
    container = running.container("slurm")
    container.stop(timeout=5)
    try:
        assert "slurmctld.log <==" in ok(invoke("logs", *running.option, "--container", "slurm")).stdout
    finally:
        container.start()
        running.wait_for_slurm()


def test_shell_reads_commands_from_a_pipe(running: RunningInstance) -> None:
    options = (*running.option, "--container", "slurm", "--user", "testuser.project1")
    done = invoke("shell", *options, stdin="id -un; cd; pwd; exit 3\n")
    assert done.stdout.split()[:2] == ["testuser.project1", "/home/project1/testuser.project1"]
    assert done.status == 3


def test_shell_begins_in_a_users_home(running: RunningInstance) -> None:
    options = (*running.option, "--container", "slurm", "--user", "testuser.project1")
    done = ok(invoke("shell", *options, stdin="pwd; command -v slurmspawner_sbatch jupyterhub-singleuser\n"))
    assert done.stdout.split() == [
        "/home/project1/testuser.project1",
        "/opt/slurmspawner_wrappers/bin/slurmspawner_sbatch",
        "/opt/jupyter/bin/jupyterhub-singleuser",
    ]


def test_shell_has_the_hubs_programs_on_path(running: RunningInstance) -> None:
    program = "jupyterhub --version; python3 -m pip --version; command -v pip; pwd\n"
    version, _, _, directory = ok(invoke("shell", *running.option, stdin=program)).stdout.splitlines()
    assert version == load_versions(PROJECT).jupyterhub
    assert directory == "/srv/jupyterhub"


def test_a_packages_tests_run_in_a_shell(running: RunningInstance) -> None:
    """With the debugger at hand, as docs/develop.md has it."""
    command = "python3 -m pytest -p no:cacheprovider --pdb -k test_squeue tests/test_slurm.py"
    done = ok(invoke("shell", *running.option, stdin=f"cd /opt/src/bricsauthenticator && {command}\n"))
    assert " passed" in done.stdout


def test_volume_is_exported(running: RunningInstance, tmp_path: Path) -> None:
    volume, target = running.instance.named("jupyterhub_root"), tmp_path / "exported"
    ok(invoke("volume-export", volume, "--to", str(target)))
    assert (target / "srv/jupyterhub/jupyterhub.sqlite").stat().st_size > 0
    assert (target / "var/log/jupyterhub/jupyterhub.log").exists()


def test_up_again_changes_nothing(
    running: RunningInstance, debug_settings: Path, measured: Callable[[str, float], None]
) -> None:
    before = running.container("slurm").id
    options = ("--env", "dev_dummyauth", "--deploy-dir", str(debug_settings), "--port", str(running.port))
    began = time.monotonic()
    again = invoke("up", *options, *running.option)
    measured("up again", time.monotonic() - began)
    assert again.status == 0, again.stderr
    assert running.container("slurm").id == before
    assert running.url in again.stdout


def test_slurms_state_is_known_to_slurm(running: RunningInstance) -> None:
    wait_for(running.takes_jobs, "nodes that take jobs")
    assert running.slurm("sinfo", "--noheader", "--format=%P").split() == ["workq*", "interactive"]
