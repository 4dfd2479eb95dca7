"""The Python environment, the command that runs in it, and what bootstrap says of itself."""

import pytest

from tests.support.bootstrap_machine import Machine


def test_first_run_makes_the_environment_from_the_lock(machine: Machine) -> None:
    done = machine.run("true")
    assert done.returncode == 0, done.stderr
    lock = machine.root / "requirements/project.txt"
    assert [line.split()[0] for line in machine.logged()] == ["venv", "pip"]
    assert "--require-hashes" in machine.logged()[1]
    assert machine.logged()[1].endswith(f"--requirement {lock}")
    assert "making the Python environment" in done.stderr


def test_second_run_changes_nothing_and_says_nothing(ready: Machine) -> None:
    done = ready.run("printf", "%s", "done")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done", "")
    assert ready.logged() == []


def test_the_command_runs_in_the_environment(ready: Machine) -> None:
    done = ready.run("bash", "-c", "'echo $VIRTUAL_ENV ${PATH%%:*}'")
    assert done.stdout.split() == [str(ready.root / ".venv"), str(ready.root / ".venv/bin")]


def test_the_commands_exit_status_and_arguments_are_its_own(ready: Machine) -> None:
    assert ready.run("bash", "-c", "'exit 7'").returncode == 7
    assert ready.run("printf", "%s,", "--yes", "'a b'").stdout == "--yes,a b,"


def test_a_changed_lock_is_installed_over_the_environment(ready: Machine) -> None:
    (ready.root / "requirements/project.txt").write_text("invoke==2 --hash=sha256:00\n")
    assert ready.run("true").returncode == 0
    assert [line.split()[0] for line in ready.logged()] == ["pip"]


def test_a_moved_checkout_gets_a_new_environment(ready: Machine) -> None:
    moved = ready.root.with_name("moved")
    ready.root.rename(moved)
    ready.root = moved
    assert ready.run("true").returncode == 0
    assert [line.split()[0] for line in ready.logged()] == ["venv", "pip"]
    assert "--clear" in ready.logged()[0]


def test_an_installation_that_failed_is_done_again(machine: Machine) -> None:
    machine.python(pip_status=1)
    done = machine.run("true")
    assert done.returncode == 1
    assert "error: the Python packages could not be installed" in done.stderr
    machine.python(pip_status=0)
    assert machine.run("true").returncode == 0
    assert [line.split()[0] for line in machine.logged()] == ["venv", "pip", "venv", "pip"]


@pytest.mark.parametrize("args", [[], ["--yes"], ["--wrong", "true"]])
def test_what_it_does_not_understand(machine: Machine, args: list[str]) -> None:
    done = machine.run(*args)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")


def test_help(machine: Machine) -> None:
    assert "./bootstrap [--yes] COMMAND" in machine.run("--help").stdout
