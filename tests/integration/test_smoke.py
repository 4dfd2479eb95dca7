"""`smoke`, and the steps of the GitHub Action that calls it, as its file has them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from brics_envs.errors import BAD_INPUT
from tests.support.checkout import PROJECT
from tests.support.commands import invoke, ok
from tests.support.ports import free_port
from tests.support.running_instance import UP_DEADLINE_S, RunningInstance


def test_smoke(running: RunningInstance) -> None:
    done = ok(
        invoke("smoke", "--env", "dev_dummyauth", *running.option, "--user", "otheruser", timeout_s=300)
    )
    steps = [line for line in done.stderr.splitlines() if "✓" in line]
    assert len(steps) == 4
    assert all(re.search(r"\d\.\d s$", line) for line in steps)
    assert running.jobs("otheruser.project1") == []


def test_what_smoke_refuses(running: RunningInstance) -> None:
    for wrong in (["--env", "dev_realauth"], ["--env", "dev_dummyauth", "--user", "nobody"], []):
        done = invoke("smoke", *wrong, *running.option)
        assert done.status == BAD_INPUT, done.stderr
        assert "Traceback" not in done.stderr


def resolved(text: str, inputs: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], text)


def carried_out(inputs: Mapping[str, str], directory: Path) -> list[tuple[str, int]]:
    """Names and exit statuses of the action's steps, run as GitHub's runner runs them."""
    action: dict[str, Any] = yaml.safe_load((PROJECT / "action.yml").read_text())
    whole = {name: given["default"] for name, given in action["inputs"].items()} | dict(inputs)
    output = directory / "output"
    done: list[tuple[str, int]] = []
    for step in action["runs"]["steps"]:
        failed = any(status for _, status in done)
        if not {"failure()": failed, "always()": True, "": not failed}[step.get("if", "")]:
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
        )
        done.append((step["name"], ran.returncode))
    return done


@pytest.mark.full
def test_the_actions_steps(running: RunningInstance, tmp_path: Path) -> None:
    package = PROJECT / "packages/slurmspawner_wrappers"
    inputs = {
        "instance": "action",
        "port": str(free_port()),
        "repository": f"slurmspawner_wrappers={os.path.relpath(package, tmp_path)}",
        "command": 'curl --fail --silent --noproxy "*" "${BRICS_URL}hub/health" && exit 3',
    }
    statuses = carried_out(inputs, tmp_path)
    names = ["Bring the environment up", "Try it", "Keep status and logs", "Take it down"]
    assert statuses == list(zip(names, (0, 3, 0, 0), strict=True))
    logs = tmp_path / "brics-logs.txt"
    assert "JupyterHub" in logs.read_text()
    assert (tmp_path / "output").read_text() == f"file={logs}\n"
