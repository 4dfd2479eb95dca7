"""Every command of the documentation is run by a test, or the README's table says that it was not tried.

Each line of the pages' ``sh`` blocks is looked up in ``RUN_BY`` and ``NOT_TRIED``. Whoever adds a row has read
the test: it runs that command, with names and paths of its own.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from brics_envs.config.dev_users import load_dev_users
from tests.support.generated_input import Commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *ROOT.glob("docs/*.md")]

LIFECYCLE = "tests/integration/lifecycle"
RUN_BY = {
    r"nox": "tests/unit/test_documented_commands.py::test_named_sessions_and_modules_exist",  # it runs this, too
    r"invoke up --env dev_dummyauth": f"{LIFECYCLE}/test_up_and_down.py::test_up_says_where_and_how",
    r"invoke up --env dev_dummyauth( --repo \S+)+ --live": "tests/integration/test_live.py::"
    "test_a_changed_package_restarts_the_hub_under_open_kernels",
    r"invoke up --env dev_dummyauth --debug": "tests/integration/test_live.py::test_a_debugger_stops_a_sign_in",
    r"invoke up --env dev_realauth( --direct-port 8005)?": "tests/integration/realauth/test_configurations.py::"
    "test_the_pages_curl_command_signs_in",
    r"invoke up --env prod --deploy-dir \S+": "tests/integration/environments/test_zenith.py::"
    "test_a_notebook_in_production",
    r"invoke up --env prod_nadir --deploy-dir \S+": "tests/integration/environments/test_nadir.py::"
    "test_a_notebook_in_production",
    r"invoke up --env ENV --deploy-dir DIR( --dry-run)?": "tests/integration/test_in_place.py::"
    "test_edited_settings_restart_the_hub_alone",
    r"invoke down": f"{LIFECYCLE}/test_up_and_down.py::test_down_leaves_nothing",
    r"invoke down --keep-volumes": f"{LIFECYCLE}/test_backup.py::"
    "test_over_another_state_and_back_interrupted_at_first",
    r"invoke clean": f"{LIFECYCLE}/test_without_effect.py::test_clean_removes_our_images_and_no_others",
    r"invoke logs --follow": "tests/integration/test_commands.py::test_logs_are_followed_until_ctrl_c",
    r"invoke logs --container jupyterhub --since 10m --tail 100": "tests/integration/test_commands.py::"
    "test_logs_of_late_without_colours",
    r"invoke shell --container slurm --user testuser.project1": "tests/integration/test_commands.py::"
    "test_shell_begins_in_a_users_home",
    r"invoke test --repo-name \w+( -- .+)?": "tests/integration/test_live.py::"
    "test_a_packages_tests_run_where_it_lives",
    r"cd /opt/src/bricsauthenticator && python3 -m pytest .+": "tests/integration/test_commands.py::"
    "test_a_packages_tests_run_in_a_shell",
    r"invoke smoke --env dev_dummyauth": "tests/integration/test_smoke.py::test_smoke",
    r"invoke volume-export \S+ --to \S+": "tests/integration/test_commands.py::test_volume_is_exported",
    r"podman exec jupyterhub-slurm-slurm squeue": "tests/integration/test_commands.py::test_status_as_json",
    r"invoke backup( --archive \S+)?": f"{LIFECYCLE}/test_backup.py::"
    "test_over_another_state_and_back_interrupted_at_first",
    r"invoke restore _backups/\S+": f"{LIFECYCLE}/test_backup.py::"
    "test_over_another_state_and_back_interrupted_at_first",
    r"podman (exec|restart) POD-jupyterhub.*": "tests/integration/test_key_rotation.py::test_the_hubs_keys",
    r"invoke service --env ENV --deploy-dir DIR": f"{LIFECYCLE}/test_service.py::"
    "test_what_the_unit_starts_is_what_up_made",
    r"cp config/dev_realauth/dev_users.example config/dev_realauth/dev_users": "tests/unit/"
    "test_documented_commands.py::test_the_example_of_dev_users_can_be_used",
    r"curl --location .+": "tests/integration/realauth/test_configurations.py::"
    "test_the_pages_curl_command_signs_in",
}
BOOTSTRAP = "tests/unit/bootstrap/test_environment.py::test_the_command_runs_in_the_environment"
NOT_TRIED = {
    r"export CONTAINER_HOST=ssh://\S+": "podman on another machine",
    r"ssh -L 9000:.+": "ports forwarded from another machine",
    r"kubectl create namespace \S+|kubectl apply --kustomize \.": "Kubernetes",
    r"(git fetch && )?git checkout (OLD_)?VERSION": "upgrade and back",
}


def blocks(language: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
            if found[1] == language:
                yield page, found[2]


def documented() -> list[str]:
    """The commands of all ``sh`` blocks, without comments, and without the ./bootstrap that may be before them."""
    lines = [
        line for _, block in blocks("sh") for line in re.sub(r" *\\\n *", " ", block).splitlines() if line
    ]
    commands = {re.sub(r"(^| +)# .*", "", line).removeprefix("./bootstrap ") for line in lines}
    return sorted(commands - {""})


def spans(start: str) -> list[str]:
    """The commands in the text of all pages, from a program's name on."""
    found = {
        span
        for page in PAGES
        for span in re.findall(rf"`(?:\./bootstrap )?({start} [^`\n]*)`", page.read_text())
    }
    return sorted(found | {command for command in documented() if command.startswith(start)})


@pytest.mark.parametrize("command", documented())
def test_each_command_is_run_or_was_not_tried(command: str) -> None:
    assert [pattern for pattern in (*RUN_BY, *NOT_TRIED) if re.fullmatch(pattern, command)]


@pytest.mark.parametrize("pattern", [*RUN_BY, *NOT_TRIED])
def test_each_row_is_of_a_command(pattern: str) -> None:
    assert [command for command in documented() if re.fullmatch(pattern, command)]


@pytest.mark.parametrize("test", sorted({*RUN_BY.values(), BOOTSTRAP}))
def test_the_tests_exist(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"\ndef {name}(" in (ROOT / file).read_text()


@pytest.mark.parametrize("subject", NOT_TRIED.values())
def test_the_readme_says_what_was_not_tried(subject: str) -> None:
    (row,) = re.findall(rf"^\| {subject} \|.*", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert "not tried" in row


def test_no_command_is_in_another_block() -> None:
    programs = r"^(\./bootstrap|invoke|nox|podman|kubectl|git|curl|ssh|python3?|pip|npm|cp|sudo|apt) "
    assert not [(page.name, block) for page, block in blocks("") if re.search(programs, block, re.MULTILINE)]


@pytest.mark.parametrize("command", spans("invoke"))
def test_invoke_knows_its_options(command: str) -> None:
    given = shlex.split(command.replace("…", "").partition(" -- ")[0])[1:]
    commands = Commands()
    # A name alone stands for the command, whatever that needs.
    if not set(given) <= set(commands.names):
        commands.parse(*given)  # raises what users would be told


@pytest.mark.parametrize("options", [["--list"], *(["--help", name] for name in sorted(Commands().names))])
def test_invoke_explains_itself(options: list[str]) -> None:
    ran = Commands().run(*options)
    assert (ran.status, ran.errors) == (0, "")
    assert ran.output


def test_named_sessions_and_modules_exist() -> None:
    sessions = re.findall(r"^@nox\.session.*\ndef (\w+)", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    named = [command.split()[2] for command in spans("nox") if command.startswith("nox -s ")]
    assert set(named) <= set(sessions)
    for command in spans("python"):
        words = command.split()
        file = f"{words[2].replace('.', '/')}.py" if words[1] == "-m" else words[1]
        package = f"{words[2]}/__main__.py" if words[1] == "-m" else file
        assert words[2:] == ["pdb"] or (ROOT / file).is_file() or (ROOT / package).is_file(), command


def test_the_example_of_dev_users_can_be_used() -> None:
    assert load_dev_users(ROOT / "config/dev_realauth/dev_users.example")
