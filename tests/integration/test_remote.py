"""The life cycle with a podman elsewhere, behind its socket: neither the checkout nor our files are seen there."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from brics_envs.effects import podman as effects
from brics_envs.effects.process import Completed
from brics_envs.plan.names import Instance
from tests.support.checkout import PROJECT
from tests.support.commands import invoke, ok
from tests.support.hub_client import HubClient
from tests.support.ports import free_port
from tests.support.running_instance import UP_DEADLINE_S
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.full, pytest.mark.timeout(2 * UP_DEADLINE_S, func_only=True)]
FAR = Instance("far")
OPTION = ("--instance", FAR.name)


@contextmanager
def service(socket: Path, settings: Path, hidden: list[Path]) -> Iterator[None]:
    """podman's service on the same storage, in a mount namespace in which some directories are empty."""
    names = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    limits = {name: resource.getrlimit(limit)[1] for name, limit in names.items()}
    listed = ", ".join(f'"{name}={value}:{value}"' for name, value in limits.items())
    before = effects.environment().get("CONTAINERS_CONF_OVERRIDE", os.environ.get("CONTAINERS_CONF_OVERRIDE"))
    # As its administrator would: no container of a build gets more than the service itself may have.
    settings.write_text(
        f"{Path(before).read_text() if before else ''}\n[containers]\ndefault_ulimits = [{listed}]\n"
    )
    hide = "; ".join(f"mount -t tmpfs none '{directory}'" for directory in hidden)
    started = subprocess.Popen(
        [
            *("unshare", "--mount", "--propagation=private", "sh", "-euc"),
            f"{hide}; exec podman system service --time=0 unix://{socket}",
        ],
        env={**os.environ, **effects.environment(), "CONTAINERS_CONF_OVERRIDE": str(settings)},
    )
    try:
        wait_for(lambda: socket.exists() or started.poll() is not None, "podman's socket", deadline_s=20)
        for directory in hidden:
            seen = ["nsenter", f"--target={started.pid}", "--mount", "ls", "-A", str(directory)]
            assert subprocess.run(seen, check=True, capture_output=True).stdout == b""
        yield
    finally:
        started.terminate()
        started.wait(20)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """The environment of a client of that service."""
    own = tmp_path / "client"
    own.mkdir()
    socket = tmp_path / "podman.sock"
    environment = {**os.environ, "CONTAINER_HOST": f"unix://{socket}", "TMPDIR": str(own)}
    with service(socket, tmp_path / "containers.conf", [PROJECT, own]):
        try:
            yield environment
        finally:
            invoke("down", *OPTION, timeout_s=300, environment=environment)


def test_life_cycle_with_podman_elsewhere(client: Mapping[str, str], tmp_path: Path) -> None:
    package = tmp_path / "client/slurmspawner_wrappers"
    shutil.copytree(PROJECT / "packages/slurmspawner_wrappers", package)
    module = package / "src/slurmspawner_wrappers/__init__.py"
    port = free_port()

    def far(*args: str) -> Completed:
        return ok(invoke(*args, timeout_s=UP_DEADLINE_S, environment=client))

    def up(*options: str) -> str:
        done = far("up", "--env", "dev_dummyauth", *OPTION, "--port", str(port), "--yes", *options)
        return done.stdout + done.stderr

    for mark, options in (("first", [f"--repo=slurmspawner_wrappers={package}"]), ("second", [])):
        with module.open("a") as file:
            file.write(f"# {mark} edit\n")
        assert "slurmspawner_wrappers, editable" in up(*options), "it is built there"
        seen = ["podman", "exec", FAR.container("slurm"), "cat"]
        text = subprocess.run(
            [*seen, f"/opt/src/slurmspawner_wrappers/{module.relative_to(package)}"],
            env=client,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert f"# {mark} edit" in text
    assert (
        "nothing to do"
        in far("up", "--env", "dev_dummyauth", *OPTION, "--port", str(port), "--dry-run").stdout
    )

    browser = HubClient(f"http://127.0.0.1:{port}/jupyter")
    browser.sign_in("testuser", (FAR.directory(PROJECT) / "password").read_text())
    assert browser.signed_in
    browser.start()
    assert browser.run("print(6 * 7)") == "42\n"
    browser.stop()

    assert "JupyterHub" in far("logs", *OPTION).stdout
    copy = tmp_path / "copy"
    far("volume-export", FAR.named("jupyterhub_root"), "--to", str(copy))
    assert (copy / "srv/jupyterhub/jupyterhub.sqlite").stat().st_size > 0
    far("down", *OPTION)
    left = subprocess.run(
        ["podman", "volume", "ls", "--quiet"], env=client, check=True, capture_output=True, text=True
    ).stdout.split()
    assert not [name for name in left if name.endswith(FAR.name)]
