"""`up --live`: changes of packages take effect within seconds, and nobody's notebook notices."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from brics_envs.errors import BAD_INPUT
from tests.support.checkout import PROJECT
from tests.support.commands import Measured, invoke, ok
from tests.support.debug_client import DebugClient
from tests.support.git_repositories import commit, git
from tests.support.hub_client import HubClient
from tests.support.running_instance import UP_DEADLINE_S, RunningInstance
from tests.support.started_command import Started
from tests.support.waiting import wait_for
from tests.support.world import World

NAMES = ("bricsauthenticator", "slurmspawner_wrappers")
MODULE = "src/bricsauthenticator/spawner.py"
SCRIPTS = "src/slurmspawner_wrappers/__init__.py"


@dataclass
class Live:
    """The running instance with both packages mounted from ``root``, and the watching command."""

    running: RunningInstance
    root: Path
    watching: Started
    options: tuple[str, ...]
    seen: int = field(default=0)

    @property
    def auth(self) -> Path:
        return self.root / NAMES[0]

    @property
    def wrappers(self) -> Path:
        return self.root / NAMES[1]

    def append(self, path: Path, text: str) -> None:
        path.write_text(f"{path.read_text()}{text}")

    def said(self, words: str, deadline_s: float = 60) -> str:
        """What the watching command says from now on, up to these words."""
        wait_for(lambda: words in self.watching.output[self.seen :], words, deadline_s, interval_s=0.02)
        text = self.watching.output[self.seen :]
        self.seen += len(text)
        return text

    def hub_process(self) -> int:
        """Process 1 of the hub's container, which a change leaves alone."""
        pid: int = self.running.container("jupyterhub").attrs["State"]["Pid"]
        return pid


def state(root: Path) -> dict[str, tuple[int, int]]:
    """Every file below a directory with its size and the time of its last change."""
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in root.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def live(
    running: RunningInstance, debug_settings: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    root = tmp_path_factory.mktemp("packages")
    for name in NAMES:
        shutil.copytree(
            PROJECT / "packages" / name,
            root / name,
            ignore=shutil.ignore_patterns("__pycache__", "_version.py"),
        )
        git(root / name, "init", "--quiet")
        commit(root / name, "all")
    subprocess.run(["chmod", "-R", "o+rX", root], check=True)
    for path in root.parents:
        if path.is_relative_to(tmp_path_factory.getbasetemp()):
            path.chmod(0o755)
    before = state(root)
    repos = [f"--repo={name}={root / name}" for name in NAMES]
    options = ("--env", "dev_dummyauth", *running.option, "--port", str(running.port))
    options = (*options, "--deploy-dir", str(debug_settings))
    with Started(World(PROJECT, os.environ), "up", *options, *repos, "--live") as watching:
        watching.wait_for_line("Ctrl-C stops watching")
        made = Live(running, root, watching, options, len(watching.output))
        assert state(root) == before, "files on the host were written"
        yield made
        ok(invoke("up", *options, timeout_s=UP_DEADLINE_S))
    builtin = [f"--repo={name}=builtin" for name in NAMES]
    ok(invoke("up", *options, *builtin, timeout_s=UP_DEADLINE_S))


def test_a_changed_package_restarts_the_hub_under_open_kernels(
    live: Live, testuser: HubClient, measured: Measured
) -> None:
    testuser.start(brics_project="project1.brics")
    process, files = live.hub_process(), state(live.wrappers)
    with (
        testuser.kernel() as kernel,
        closing(testuser.websocket(f"/api/kernels/{kernel.id}/channels")) as open_one,
    ):
        began = time.monotonic()
        live.append(live.auth / MODULE, "\nprint('live', 'code', flush=True)\n")
        live.said("bricsauthenticator: live after")
        measured("edit of a package → healthy hub", time.monotonic() - began)
        assert "live code" in ok(invoke("logs", *live.running.option, "--container", "jupyterhub")).stdout
        assert live.hub_process() == process
        assert testuser.signed_in
        kernel.run("print('still', 'there')")
        while "still there" not in open_one.recv():
            pass
    assert testuser.server() is not None
    assert state(live.wrappers) == files


def test_a_syntax_error_leaves_the_hub_as_it_was_until_it_is_fixed(live: Live, testuser: HubClient) -> None:
    live.append(live.auth / MODULE, "\ndef broken(:\n")
    said = live.said("the next working change fixes it")
    shown = ok(invoke("status", *live.running.option)).stdout
    logs = ok(invoke("logs", *live.running.option, "--container", "jupyterhub")).stdout
    for text in (said, shown, logs):
        assert "SyntaxError" in text
        assert MODULE in text
    assert "ready" in shown
    assert testuser.signed_in
    git(live.auth, "checkout", "--quiet", ".")
    live.said("bricsauthenticator: live after")
    assert "SyntaxError" not in ok(invoke("status", *live.running.option)).stdout
    assert testuser.signed_in


def test_a_checkout_of_many_files_is_one_change(live: Live) -> None:
    git(live.auth, "checkout", "--quiet", "-b", "other")
    for number in range(100):
        (live.auth / f"src/bricsauthenticator/extra{number}.py").write_text(f"NUMBER = {number}\n")
    commit(live.auth, "many")
    live.said("live after")
    git(live.auth, "checkout", "--quiet", "-")
    said = live.said("live after")
    assert "97 more" in said
    time.sleep(2)
    assert live.watching.output[live.seen :].strip() == ""


def test_a_changed_wrapper_takes_effect_at_the_next_call(
    live: Live, otheruser: HubClient, measured: Measured
) -> None:
    before = live.running.container("slurm").attrs["State"]["StartedAt"]
    ask = ("sudo", "-n", "-u", "testuser.project1", "SLURMSPAWNER_JOB_ID=1")
    script = "/opt/slurmspawner_wrappers/bin/slurmspawner_squeue"
    live.append(live.wrappers / SCRIPTS, "\nimport sys; print('live', 'wrapper', file=sys.stderr)\n")
    # At once, and without anybody's doing.
    assert "live wrapper" in live.running.ssh(*ask, script).stderr
    live.said("slurmspawner_wrappers: live after")
    live.append(live.wrappers / SCRIPTS, "\ndef broken(:\n")
    assert "SyntaxError" in live.said("the next working change fixes it")
    assert "SyntaxError" in ok(invoke("logs", *live.running.option, "--container", "slurm")).stdout
    git(live.wrappers, "checkout", "--quiet", ".")
    live.said("slurmspawner_wrappers: live after")
    otheruser.start(brics_project="project1.brics")
    assert live.running.container("slurm").attrs["State"]["StartedAt"] == before


def test_what_needs_a_rebuild_is_said(live: Live) -> None:
    file = live.wrappers / "pyproject.toml"
    text = file.read_text()
    file.write_text(text.replace("dependencies = []", 'dependencies = ["packaging"]'))
    assert "`invoke up` rebuilds its image" in live.said("live after")
    file.write_text(text)
    assert "rebuilds its image" not in live.said("live after")


def test_up_keeps_what_is_live_and_builds_nothing(live: Live, debug_settings: Path) -> None:
    live.append(live.auth / MODULE, "\n# edited\n")
    live.said("live after")
    options = ("--env", "dev_dummyauth", *live.running.option, "--port", str(live.running.port))
    plan = ok(invoke("up", *options, "--deploy-dir", str(debug_settings), "--dry-run")).stdout
    assert "nothing to do" in plan
    assert f"{NAMES[0]}: {live.auth}, live" in ok(invoke("status", *live.running.option)).stdout


def test_what_nobody_else_can_read_is_refused(live: Live) -> None:
    file = live.auth / "src/bricsauthenticator/names.py"
    file.chmod(0o600)
    options = ("--env", "dev_dummyauth", *live.running.option, "--port", str(live.running.port))
    done = invoke("up", *options, "--repo", f"{NAMES[0]}={live.auth}", "--live")
    assert done.status == BAD_INPUT
    assert str(file) in done.stderr
    assert "chmod" in done.stderr
    file.chmod(0o644)


def test_edited_settings_are_put_in_place(live: Live, debug_settings: Path, testuser: HubClient) -> None:
    file = debug_settings / "deploy.yaml"
    file.write_text("logLevel: LOUD\n")
    assert "LOUD" in live.said("deploy.yaml")
    file.write_text("logLevel: INFO\n")
    said = live.said("the configuration is live")
    assert "put in place; restarting jupyterhub; jobs go on" in said
    assert live.running.hub("cat", "/etc/brics/deploy/logLevel") == "INFO"
    assert testuser.signed_in
    file.write_text("logLevel: DEBUG\n")
    live.said("the configuration is live")
    plan = invoke("up", *live.options, "--dry-run")
    assert "nothing to do" in ok(plan).stdout


def test_ctrl_c_ends_the_watching_and_watch_goes_on(live: Live) -> None:
    process = live.hub_process()
    assert live.watching.interrupt() == 0
    assert live.running.hub_answers()
    with Started(World(PROJECT, os.environ), "watch", *live.running.option) as again:
        again.wait_for_line("Ctrl-C stops watching")
        live.watching, live.seen = again, len(again.output)
        live.append(live.auth / MODULE, "\n# once more\n")
        live.said("bricsauthenticator: live after")
        assert again.interrupt() == 0
    assert live.hub_process() == process


def test_a_packages_tests_run_where_it_lives(live: Live) -> None:
    """Against the mounted directory, with arguments as they were quoted, and an exit status of our own."""
    own = live.wrappers / "tests/test_own.py"
    own.write_text("def test_one_thing(): pass\n\ndef test_another(): assert not 'this'\n")
    own.chmod(0o644)
    options = ("test", "--repo-name", NAMES[1], *live.running.option, "--")
    try:
        passed = ok(invoke(*options, "tests/test_own.py", "-k", "one or thing"))
        assert "1 passed, 1 deselected" in passed.stdout
        assert str(live.wrappers) in passed.stderr.replace("\n", "")
        failed = invoke(*options, "tests/test_own.py")
        assert (failed.status, "1 failed, 1 passed" in failed.stdout) == (1, True)
        assert "error: tests of slurmspawner_wrappers: pytest ended with exit status 1" in failed.stderr
        assert "exit status 5: there are none" in invoke(*options, "tests/test_own.py", "-k", "absent").stderr
    finally:
        own.unlink()
    before = state(live.root)
    ok(invoke("test", "--repo-name", NAMES[0], *live.running.option, "--", "-q", "tests/test_slurm.py"))
    assert state(live.root) == before


def test_a_debugger_stops_a_sign_in(live: Live) -> None:
    """A breakpoint in `authenticate`, on the published port, in a hub that has come after another one."""
    ok(invoke("up", *live.options, "--debug", "--yes", timeout_s=UP_DEADLINE_S))
    live.running.run("jupyterhub", "python3", "/usr/local/lib/brics-live/live_hub.py", "--reload")
    wait_for(live.running.hub_answers, "a new hub answers")
    layer = PROJECT / "k8s/components/dummyauth/20-dummyauth.py"
    line = 1 + layer.read_text().splitlines().index("        users = dev_users()")
    with DebugClient(live.running.port + 91) as debugger, ThreadPoolExecutor(1) as others:
        assert debugger.attach({"/etc/jupyterhub/20-dummyauth.py": [line]}) == [True]
        signing_in = others.submit(live.running.client, "testuser")
        stopped = debugger.event("stopped")
        (frame, *_) = debugger.ask("stackTrace", threadId=stopped["threadId"])["stackFrames"]
        assert (stopped["reason"], frame["name"], frame["line"]) == ("breakpoint", "authenticate", line)
        given = debugger.ask("evaluate", expression="data['username']", frameId=frame["id"])["result"]
        debugger.ask("continue", threadId=stopped["threadId"])
        assert given == "'testuser'"
        assert signing_in.result(60).signed_in
