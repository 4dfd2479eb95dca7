"""The three commands as processes, with stand-ins for Slurm's on PATH that tell what they were given."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"

STAND_IN = f"""#!{sys.executable} -I
import json, os, signal, sys
print(json.dumps({{
    "argv": [os.path.basename(sys.argv[0]), *sys.argv[1:]],
    "environment": dict(os.environ),
    "stdin": sys.stdin.read(),
    "alarm": signal.alarm(0),
}}))
sys.exit(int(os.environ.get("STAND_IN_EXIT", "0")))
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs one of the commands; keyword arguments are environment variables."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("sbatch", "squeue", "scancel"):
        (commands / name).write_text(STAND_IN)
        (commands / name).chmod(0o755)

    def run_command(
        name: str, *args: str, stdin: str = "", path: str | None = None, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        code = f"import sys, slurmspawner_wrappers as w; sys.argv[0] = 'slurmspawner_{name}'; w.{name}()"
        return subprocess.run(
            [sys.executable, "-c", code, *args],
            input=stdin,
            env={"PATH": path or str(commands), "PYTHONPATH": str(SOURCE), **environment},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    return run_command


def test_sbatch_hands_on_the_script_and_the_environment(run: Run) -> None:
    script = "#!/bin/bash -l\n#SBATCH --export=ALL\necho `hostname` $(id) \\'\n"
    answer = json.loads(run("sbatch", stdin=script, JUPYTERHUB_USER="t0").stdout)
    assert answer["argv"] == ["sbatch", "--parsable"]
    assert answer["stdin"] == script
    assert answer["environment"]["JUPYTERHUB_USER"] == "t0"


def test_squeue_asks_for_state_and_host_of_one_job(run: Run) -> None:
    answer = json.loads(run("squeue", SLURMSPAWNER_JOB_ID="4294967294").stdout)
    assert answer["argv"] == ["squeue", "-h", "-j", "4294967294", "-o", "%T %B"]


def test_scancel_cancels_one_job(run: Run) -> None:
    answer = json.loads(run("scancel", SLURMSPAWNER_JOB_ID="7").stdout)
    assert answer["argv"] == ["scancel", "7"]


@pytest.mark.parametrize("name", ["sbatch", "squeue", "scancel"])
def test_arguments_are_refused(run: Run, name: str) -> None:
    result = run(name, "--help", SLURMSPAWNER_JOB_ID="7")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"slurmspawner_{name}: error: takes no arguments\n"


HOSTILE_JOB_IDS = [
    "",
    "0",
    "007",
    "-1",
    "+1",
    " 7",
    "7 ",
    "7\n",
    "7\n8",
    "7,8",
    "7_1",
    "1_000",
    "7.0",
    "--user=root",
    "7 --user=root",
    "7;id",
    "$(id)",
    "`id`",
    "\N{ARABIC-INDIC DIGIT SEVEN}",
    "\N{FULLWIDTH DIGIT SEVEN}",
    "\N{SUPERSCRIPT TWO}",
    "12345678901",
    "9" * 100_000,
]


@pytest.mark.parametrize("name", ["squeue", "scancel"])
@pytest.mark.parametrize("job_id", HOSTILE_JOB_IDS)
def test_anything_but_a_job_id_is_refused(run: Run, name: str, job_id: str) -> None:
    result = run(name, SLURMSPAWNER_JOB_ID=job_id)
    assert (result.returncode, result.stdout) == (2, "")
    assert "SLURMSPAWNER_JOB_ID must be a job ID" in result.stderr


@pytest.mark.parametrize("name", ["squeue", "scancel"])
def test_the_job_id_must_be_set(run: Run, name: str) -> None:
    assert run(name).returncode == 2


@pytest.mark.parametrize("name", ["sbatch", "squeue", "scancel"])
def test_the_exit_status_is_slurms(run: Run, name: str) -> None:
    assert run(name, SLURMSPAWNER_JOB_ID="7", STAND_IN_EXIT="3").returncode == 3


@pytest.mark.parametrize("name", ["sbatch", "squeue", "scancel"])
def test_variables_that_slurm_takes_as_options_are_dropped(run: Run, name: str) -> None:
    options = {"SBATCH_PARTITION": "p", "SQUEUE_FORMAT": "%i", "SCANCEL_USER": "root"}
    result = run(name, SLURMSPAWNER_JOB_ID="7", SLURM_CONF="/etc/slurm/slurm.conf", **options)
    answer = json.loads(result.stdout)
    assert not options.keys() & answer["environment"].keys()
    assert answer["environment"]["SLURM_CONF"] == "/etc/slurm/slurm.conf"


@pytest.mark.parametrize("name", ["sbatch", "squeue", "scancel"])
def test_a_missing_slurm_is_said(run: Run, name: str, tmp_path: Path) -> None:
    result = run(name, SLURMSPAWNER_JOB_ID="7", path=str(tmp_path))
    assert result.returncode == 127
    assert f"cannot run {name}: No such file or directory" in result.stderr


@pytest.mark.parametrize(("name", "limit"), [("sbatch", 25), ("squeue", 20), ("scancel", 20)])
def test_a_hanging_command_has_an_alarm_set(run: Run, name: str, limit: int) -> None:
    assert limit - 2 <= json.loads(run(name, SLURMSPAWNER_JOB_ID="7").stdout)["alarm"] <= limit


def test_the_alarm_ends_the_command(tmp_path: Path) -> None:
    code = "import slurmspawner_wrappers as w; w._become(['sleep', '30'], 1)"
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(SOURCE)}, timeout=20, check=False
    )
    assert result.returncode == -signal.SIGALRM
    assert time.monotonic() - started < 10


def test_broken_pipes_end_the_command(tmp_path: Path) -> None:
    code = "import slurmspawner_wrappers as w; w._become(['yes'], 10)"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == -signal.SIGPIPE, stderr


def test_few_modules_are_imported() -> None:
    """A poll over SSH costs about 50 ms; the wrapper should not add much to that."""
    code = (
        "import sys; before = set(sys.modules); import slurmspawner_wrappers; "
        "print(*sorted(set(sys.modules) - before))"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(SOURCE)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {
        "re",
        "typing",
        "subprocess",
        "pathlib",
        "argparse",
        "shutil",
        "logging",
        "json",
        "importlib.metadata",
    }
    assert not heavy & set(result.stdout.split())
