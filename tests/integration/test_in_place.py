"""`up` with other settings: the least is done, and users hardly notice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.checkout import PROJECT
from tests.support.commands import invoke, ok
from tests.support.hub_client import HubClient
from tests.support.running_instance import UP_DEADLINE_S, RunningInstance
from tests.support.waiting import wait_for


class Settings:
    """`up` of the running instance with settings of one's own."""

    def __init__(self, running: RunningInstance, directory: Path) -> None:
        self.running, self.directory = running, directory

    def up(self, settings: str, *more: str) -> str:
        """What `up` says."""
        (self.directory / "deploy.yaml").write_text(settings)
        options = ("--env", "dev_dummyauth", *self.running.option, "--port", str(self.running.port))
        deploy_dir = ("--deploy-dir", str(self.directory))
        done = ok(invoke("up", *options, *deploy_dir, *more, timeout_s=UP_DEADLINE_S))
        return done.stdout + done.stderr

    def containers(self) -> dict[str, str]:
        """Container → its ID and when it was started."""
        found = [self.running.container(name) for name in ("jupyterhub", "configurable-http-proxy", "slurm")]
        return {str(c.name): f"{c.id} {c.attrs['State']['StartedAt']}" for c in found}

    def restarted(self, before: dict[str, str]) -> list[str]:
        """Which containers have been restarted, and none made anew."""
        now = self.containers()
        assert {n: v.split()[0] for n, v in now.items()} == {n: v.split()[0] for n, v in before.items()}
        prefix = f"{self.running.instance.pod}-"
        return [name.removeprefix(prefix) for name in now if now[name] != before[name]]


@pytest.fixture
def settings(running: RunningInstance, debug_settings: Path, tmp_path: Path) -> Iterator[Settings]:
    yield Settings(running, tmp_path)
    Settings(running, debug_settings).up("logLevel: DEBUG\n", "--yes")


def test_edited_settings_restart_the_hub_alone(
    running: RunningInstance, settings: Settings, testuser: HubClient
) -> None:
    settings.up("logLevel: DEBUG\nsessionHours: 11\n", "--yes")
    testuser.start(brics_project="project1.brics")
    jobs, before = running.jobs(), settings.containers()
    with (
        testuser.kernel() as kernel,
        closing(testuser.websocket(f"/api/kernels/{kernel.id}/channels")) as open_one,
    ):
        preview = settings.up("logLevel: INFO\n", "--dry-run")
        said = settings.up("logLevel: INFO\n")
        for text in (preview, said):
            assert "changed: logLevel (ConfigMap deploy-config" in text
            assert "sessionHours" in text
            assert "put in place; restarting jupyterhub; jobs go on" in text
        assert settings.restarted(before) == ["jupyterhub"]
        assert running.hub("cat", "/etc/brics/deploy/logLevel") == "INFO"
        assert running.jobs() == jobs
        assert testuser.signed_in
        # Nobody's connection has ended.
        kernel.run("print('still', 'there')")
        while "still there" not in open_one.recv():
            pass
    after = settings.containers()
    settings.up("logLevel: INFO\n")
    assert settings.restarted(after) == []


def test_running_jobs_are_named_before_they_end(
    running: RunningInstance, settings: Settings, testuser: HubClient
) -> None:
    settings.up("logLevel: DEBUG\n")
    testuser.start(brics_project="project1.brics")
    (job,) = running.jobs()
    before = settings.containers()
    # Slurm's container reads who exists. No terminal: it goes on, saying so.
    said = settings.up('devUsers: "testuser.project1 otheruser.project1 new.project9"\n')
    assert f"restarting jupyterhub, slurm; running jobs end: {job} (testuser.project1)" in said
    assert settings.restarted(before) == ["jupyterhub", "slurm"]
    assert running.slurm("id", "new.project9")
    wait_for(lambda: not running.jobs(), "the job has ended")


def test_a_container_that_ended_is_started_again(running: RunningInstance, settings: Settings) -> None:
    settings.up("logLevel: DEBUG\n")
    before = settings.containers()
    running.container("configurable-http-proxy").stop(timeout=10)
    said = settings.up("logLevel: DEBUG\n")
    assert "container configurable-http-proxy is not running" in said
    assert settings.restarted(before) == ["configurable-http-proxy"]
    assert running.hub_answers()


def test_a_layer_of_ones_own_and_settings_without_effect(
    running: RunningInstance, settings: Settings
) -> None:
    own = PROJECT / "config/dev_dummyauth/jupyterhub_config.local.py"
    settings.up("logLevel: DEBUG\n")
    before = settings.containers()
    with own.open("x") as file:  # nobody's own is overwritten
        file.write('c = get_config()\nc.JupyterHub.tornado_settings = {"headers": {"X-Own": "mine"}}\n')
    try:
        said = settings.up("logLevel: DEBUG\njwtAudience: other\n")
    finally:
        own.unlink()
    assert "config/dev_dummyauth/jupyterhub_config.local.py: the hub reads it last" in said
    assert "warning: jwtAudience (nobody signs in with a token): no effect in dev_dummyauth" in " ".join(
        said.split()
    )
    assert settings.restarted(before) == ["jupyterhub"]
    assert running.client().get("/hub/login").headers["X-Own"] == "mine"
    settings.up("logLevel: DEBUG\n")
    assert "X-Own" not in running.client().get("/hub/login").headers
