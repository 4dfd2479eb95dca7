"""`smoke`, and the steps of the GitHub Action that calls it, as its file has them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from brics_envs.errors import BAD_INPUT
from tests.support.checkout import PROJECT
from tests.support.commands import invoke
from tests.support.ports import free_port
from tests.support.running_instance import UP_DEADLINE_S, RunningInstance


def test_smoke(running: RunningInstance, tmp_path: Path) -> None:
    """As the action's step calls it: for the first of dev_users."""
    running.client("testuser").stop()
    inputs = {"instance": running.instance.name, "port": str(running.port)}
    (done,) = carried_out(inputs, tmp_path, only="Try it")
    assert done.status == 0, done.output
    steps = [line for line in done.output.splitlines() if "✓" in line]
    assert len(steps) == 4
    assert all(re.search(r"\d\.\d s$", line) for line in steps)
    assert running.jobs("testuser.project1") == []


def test_what_smoke_refuses(running: RunningInstance) -> None:
    for wrong in (["--env", "dev_realauth"], ["--env", "dev_dummyauth", "--user", "nobody"], []):
        done = invoke("smoke", *wrong, *running.option)
        assert done.status == BAD_INPUT, done.stderr
        assert "Traceback" not in done.stderr


def resolved(text: str, inputs: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], text)


class Done(NamedTuple):
    """A step of the action that was carried out."""

    name: str
    status: int
    output: str


def carried_out(inputs: Mapping[str, str], directory: Path, only: str = "") -> list[Done]:
    """The action's steps, run as GitHub's runner runs them; or one of them alone."""
    action: dict[str, Any] = yaml.safe_load((PROJECT / "action.yml").read_text())
    whole = {name: given["default"] for name, given in action["inputs"].items()} | dict(inputs)
    output = directory / "output"
    done: list[Done] = []
    for step in action["runs"]["steps"]:
        failed = any(one.status for one in done)
        if (
            only not in ("", step["name"])
            or not {"failure()": failed, "always()": True, "": not failed}[step.get("if", "")]
        ):
            continue
        environment = {name: resolved(text, whole) for name, text in step["env"].items()}
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env={
                **os.environ,
                "GITHUB_ACTION_PATH": str(PROJECT),
                "GITHUB_OUTPUT": str(output),
                **environment,
            },
            cwd=directory,
            timeout=UP_DEADLINE_S,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        print(ran.stdout)
        done.append(Done(step["name"], ran.returncode, ran.stdout))
    return done


@pytest.mark.full
def test_the_actions_steps(running: RunningInstance, tmp_path: Path) -> None:
    package = PROJECT / "packages/slurmspawner_wrappers"
    inputs = {
        "instance": "action",
        "port": str(free_port()),
        "repository": f"slurmspawner_wrappers={os.path.relpath(package, tmp_path)}",
        "command": 'curl --fail --silent --noproxy "*" "${BRICS_URL}hub/health"; echo a >"$BRICS_PICTURES/a"; exit 3',
    }
    statuses = carried_out(inputs, tmp_path)
    names = ["Bring the environment up", "Try it", "Keep status, logs and pictures", "Take it down"]
    assert [one[:2] for one in statuses] == list(zip(names, (0, 3, 0, 0), strict=True))
    logs = tmp_path / "brics-logs.txt"
    assert "JupyterHub" in logs.read_text()
    pictures = tmp_path / "brics-pictures"
    assert (tmp_path / "output").read_text() == f"file={logs}\npictures={pictures}\n"
    assert (pictures / "a").read_text() == "a\n"
    assert (pictures / "sign-in.png").read_bytes().startswith(b"\x89PNG")
