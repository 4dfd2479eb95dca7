"""The guard of the unit tests itself: what it refuses, in every way that code could try by accident."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import git
import pytest

from brics_envs.effects.podman import podman
from brics_envs.effects.process import CommandError
from tests.support import isolation
from tests.support.isolation import Refused

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def refusals() -> Iterator[None]:
    """Demand a refusal, and take it out: it would fail the test."""
    yield
    assert isolation.refused
    isolation.refused.clear()


@pytest.mark.parametrize("program", ["podman", "git", "ssh", "curl", "apt-get", "sudo"])
def test_programs_are_not_on_path(program: str) -> None:
    assert shutil.which(program) is None


def test_the_project_cannot_call_podman() -> None:
    with pytest.raises(CommandError, match="not found on PATH"):
        podman("--version")


def test_gitpython_cannot_call_git(tmp_path: Path) -> None:
    with pytest.raises(git.exc.GitCommandNotFound):
        git.Repo.init(tmp_path)


@pytest.mark.parametrize("command", [["true"], ["sh", "-c", "exit 0"], [sys.executable, "-c", ""]])
def test_harmless_programs_start(command: list[str]) -> None:
    subprocess.run(command, check=True)


@pytest.mark.usefixtures("refusals")
def test_a_program_by_its_path_is_refused() -> None:
    outside = next(p for p in Path("/usr/bin").iterdir() if p.name == "perl" or p.name.startswith("apt"))
    with pytest.raises(Refused):
        subprocess.run([str(outside), "--version"], check=False)


@pytest.mark.usefixtures("refusals")
def test_a_program_on_another_path_is_refused() -> None:
    outside = next(p for p in Path("/usr/bin").iterdir() if p.name == "perl" or p.name.startswith("apt"))
    with pytest.raises(Refused):
        subprocess.run([outside.name, "--version"], check=False, env={"PATH": "/usr/bin"})


@pytest.mark.usefixtures("refusals")
def test_a_shell_string_is_refused() -> None:
    with pytest.raises(Refused):
        os.system("true")  # noqa: S605


@pytest.mark.usefixtures("refusals")
@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, ("192.0.2.1", 80)),
        (socket.AF_INET6, ("2001:db8::1", 80)),
        (socket.AF_UNIX, "/run/podman/podman.sock"),
    ],
)
def test_addresses_are_refused(family: socket.AddressFamily, address: tuple[str, int] | str) -> None:
    with socket.socket(family) as sock, pytest.raises(Refused):
        sock.connect(address)


@pytest.mark.usefixtures("refusals")
def test_names_are_not_looked_up() -> None:
    with pytest.raises(Refused):
        socket.getaddrinfo("example.org", 443)


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_a_swallowed_refusal_fails_the_test_all_the_same(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests/unit/conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import contextlib, socket\n"
        "def test_it():\n"
        "    with contextlib.suppress(BaseException):\n"
        "        socket.create_connection(('192.0.2.1', 80))\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "a unit test must not: reach '192.0.2.1'" in done.stdout
