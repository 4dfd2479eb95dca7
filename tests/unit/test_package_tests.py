"""How packages' own tests are run, what their extra `dev` asks for, and a debugger's port."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from brics_envs.cli import after_dashes
from brics_envs.config.environment import load_environment
from brics_envs.errors import ConfigError
from brics_envs.lifecycle.live import refuse_live_in_production
from brics_envs.lifecycle.prepare import UpOptions, prepare
from brics_envs.plan.manifest import assemble
from brics_envs.plan.names import Instance
from brics_envs.plan.overlay import the_pod
from brics_envs.plan.package_tests import PROGRAM, command
from brics_envs.plan.ports import Endpoint, Ports, with_debugger
from brics_envs.plan.secrets import HIDDEN
from tests.support.lone_modules import load_module

ROOT = Path(__file__).resolve().parents[2]


dev_extra = load_module(ROOT / "build/live/dev_extra.py")


def test_arguments_are_as_the_shell_gave_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["invoke", "test", "--repo-name", "x", "--", "-k", "a or b", "--"])
    assert after_dashes() == ["-k", "a or b", "--"]
    monkeypatch.setattr(sys, "argv", ["invoke", "test"])
    assert after_dashes() == []


def test_pytest_runs_with_the_packages_python() -> None:
    found = command("slurmspawner_wrappers", ["-k", "a or b"], colours=False)
    python = "/opt/slurmspawner_wrappers/bin/python"
    assert found[:2] == [python, "-c"]
    assert found[-7:] == [python, "-m", "pytest", "-p", "no:cacheprovider", "-k", "a or b"]


def test_tests_end_with_who_reads_them() -> None:
    def started(code: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", PROGRAM, sys.executable, "-c", code]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    with started("print('done'); raise SystemExit(5)") as quick:
        assert quick.wait(20) == 5
        assert quick.stdout is not None
        assert quick.stdout.read() == b"done\n"
    with started("import time; print(1, flush=True); time.sleep(300)") as long:
        assert long.stdin is not None
        assert long.stdout is not None
        long.stdout.readline()
        began = time.monotonic()
        long.stdin.close()
        assert long.wait(20) == 128 + signal.SIGINT
        assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("pyproject.toml", '[project]\nname = "a"\n', []),
        (
            "pyproject.toml",
            '[project]\nname = "A.b"\n[project.optional-dependencies]\n'
            'Dev = ["a_b[test]", "ruff"]\ntest = ["pytest>=8", "ruff", "a-b[dev]"]\n',
            ["ruff", "pytest>=8"],
        ),
        (
            "setup.cfg",
            "[metadata]\nname = a\n[options.extras_require]\ndev =\n  pytest>=8\n  x; python_version>'3'\n",
            ["pytest>=8", "x; python_version>'3'"],
        ),
        ("setup.py", "raise SystemExit('must not run')", []),
    ],
)
def test_extra_of_a_package(tmp_path: Path, file: str, text: str, expected: list[str]) -> None:
    (tmp_path / file).write_text(text)
    assert dev_extra.needed(*dev_extra.extras_of(tmp_path)) == expected


@pytest.mark.parametrize("name", ["bricsauthenticator", "slurmspawner_wrappers"])
def test_own_packages_have_the_extra(name: str) -> None:
    assert "pytest" in dev_extra.needed(*dev_extra.extras_of(ROOT / "packages" / name))


def options(name: str, *, debug: bool) -> UpOptions:
    return UpOptions(
        load_environment(ROOT, name), Instance(), 8000, "auto", (), None, None, False, debug=debug
    )


def test_a_debugger_is_let_in_when_asked_for_alone() -> None:
    for debug in (True, False):
        wanted = options("dev_dummyauth", debug=debug)
        desired = prepare(wanted)
        manifest = assemble(desired, HIDDEN)
        (config,) = [d for d in manifest if d["metadata"]["name"] == "jupyterhub-config"]
        hub = the_pod(manifest)["spec"]["containers"][0]
        published = [p for p in hub["ports"] if p["name"] == "debugger"]
        assert ("00-debugger.py" in config["data"]) is debug
        assert [(p["hostIP"], p["hostPort"], p["containerPort"]) for p in published] == (
            [("127.0.0.1", 8091, 5678)] if debug else []
        )
        assert (Endpoint("127.0.0.1", 8091) in desired.ports.published) is debug
        assert wanted.of_manifest["debug"] == ("yes" if debug else "")


@pytest.mark.parametrize("ports", [Ports(65500), Ports(8000, direct=8091)])
def test_a_debuggers_port_is_its_own(ports: Ports) -> None:
    with pytest.raises(ConfigError, match="--debug: the debugger's port would be"):
        with_debugger(ports, ports.http or 0)


def test_no_debugger_in_production() -> None:
    wanted = options("prod", debug=True)
    with pytest.raises(ConfigError, match="--debug: not possible in prod"):
        refuse_live_in_production(wanted, prepare(wanted))
