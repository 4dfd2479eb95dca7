"""`service`: podman's generator accepts the unit, and what the unit starts is what `up` made."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

from brics_envs.effects import podman as podman_effects
from brics_envs.effects.systemd import GENERATORS
from brics_envs.errors import BAD_INPUT
from tests.support.commands import invoke, ok
from tests.support.running_instance import UP_DEADLINE_S, RunningInstance
from tests.support.waiting import wait_for


def podman(*command: str) -> str:
    done = subprocess.run(
        ["podman", *command],
        env={**os.environ, **podman_effects.environment()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def generated(units: Path) -> str:
    """The services that podman's generator makes of units."""
    generator = next(path for path in GENERATORS if path.exists())
    environment = {**os.environ, "QUADLET_UNIT_DIRS": str(units)}
    user = ["--user"] if os.geteuid() else []
    done = subprocess.run(
        [generator, "--dryrun", *user], env=environment, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(service: str, key: str) -> list[str]:
    """A command line of a service; its first word is podman's path."""
    (line,) = [line for line in service.splitlines() if line.startswith(f"{key}=")]
    return shlex.split(line.partition("=")[2])[1:]


def made(running: RunningInstance) -> dict[str, Any]:
    """What tells a pod from another one, but for its IDs."""
    pod = json.loads(podman("pod", "inspect", running.instance.pod))
    pod = pod[0] if isinstance(pod, list) else pod
    names = [c["Name"] for c in pod["Containers"]]
    containers = {
        c["Name"]: (
            c["Image"],
            sorted(str(m.get("Name", m["Destination"])) for m in c["Mounts"]),
            c["Config"]["Annotations"].get("brics.record"),
        )
        for c in json.loads(podman("container", "inspect", *(n for n in names if not n.endswith("-infra"))))
    }
    return {
        "labels": pod["Labels"],
        "ports": pod["InfraConfig"]["PortBindings"],
        "networks": pod["InfraConfig"]["Networks"],
        "containers": containers,
    }


def test_what_the_unit_starts_is_what_up_made(
    running: RunningInstance, debug_settings: Path, tmp_path: Path
) -> None:
    units = {**os.environ, "QUADLET_UNIT_DIRS": str(tmp_path)}
    options = (
        "--env",
        "dev_dummyauth",
        "--deploy-dir",
        str(debug_settings),
        "--port",
        str(running.port),
        *running.option,
    )
    said = ok(invoke("service", *options, environment=units, timeout_s=UP_DEADLINE_S)).stdout
    assert "daemon-reload" in said
    secret_texts = [
        f.read_text().strip()
        for f in running.directory.iterdir()
        if f.name in ("password", "proxy_api_token")
    ]
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        text = file.read_text()
        assert not any(secret in text for secret in secret_texts)
        assert "PRIVATE KEY" not in text

    before, service = made(running), generated(tmp_path)
    podman(*command(service, "ExecStart"))
    try:
        wait_for(running.hub_answers, "the hub answers")
        wait_for(running.takes_jobs, "Slurm takes jobs")
        assert made(running) == before
        # `up` takes it for its own.
        ids = podman("pod", "inspect", "--format={{.ID}}", running.instance.pod)
        ok(invoke("up", *options, environment=units, timeout_s=UP_DEADLINE_S))
        assert podman("pod", "inspect", "--format={{.ID}}", running.instance.pod) == ids
        client = running.client("testuser")
        client.start(brics_project="project1.brics")
        client.stop()
    finally:
        podman(*command(service, "ExecStopPost"))
        ok(invoke("up", *options, environment=units, timeout_s=UP_DEADLINE_S))


def test_down_removes_the_unit(tmp_path: Path) -> None:
    units = {**os.environ, "QUADLET_UNIT_DIRS": str(tmp_path)}
    unit = tmp_path / "jupyterhub-slurm-served.kube"
    unit.write_text("# Made by `invoke service` in /x; `invoke down` removes it.\n")
    (tmp_path / "jupyterhub-slurm-served.yaml").write_text("")
    said = ok(invoke("down", "--instance", "served", environment=units)).stdout
    assert "daemon-reload" in said
    assert not list(tmp_path.iterdir())


def test_a_unit_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    units = {**os.environ, "QUADLET_UNIT_DIRS": str(tmp_path)}
    unit = tmp_path / "jupyterhub-slurm-served.kube"
    unit.write_text("[Kube]\nYaml=mine.yaml\n")
    done = invoke("service", "--env", "dev_dummyauth", "--instance", "served", environment=units)
    assert done.status == BAD_INPUT
    ok(invoke("down", "--instance", "served", environment=units))
    assert unit.exists()
