"""What the hub's configuration lets a job run: its software and shared kernels, in a real shell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import Template

from brics_envs.config.deploy import DeploySettings

CONFIG = Path(__file__).resolve().parents[2] / "k8s/base/jupyterhub/jupyterhub_config.py"


SETTINGS = {
    "none": {},
    "all of a job": {
        "jobMemory": "4G",
        "jobCpus": 2,
        "jobGres": "shard:1",
        "jobAccount": "brics",
        "jobQos": "short",
        "jobOptions": "--exclusive --constraint=x",
        "jobSrun": True,
    },
    "epilogue": {"jobPrologue": "echo BEFORE=1", "jobEpilogue": "echo AFTER=$status"},
    "project's directory": {"notebookDir": "/HOMES/{project}/{username}"},
    "scratch": {"notebookDir": "$SCRATCH"},
    "shared": {"jupyterDataDir": "/srv/shared"},
    "shared at home": {"jupyterDataDir": "$HOME/shared"},
    "conda": {"condaPrefixDir": "/CONDA"},
}
Script = tuple[str, dict[str, str]]
"""A template, and batchspawner's variables that are configured."""

PRINT_SCRIPTS = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from traitlets.config import Config
file, state, settings = sys.argv[1:]
source = Path(file).read_text().replace("/srv/jupyterhub", state).replace("/etc/brics/proxy-api", state)
scripts = {}
for name, deploy in json.loads(settings).items():
    sys.modules["deploy_settings"] = SimpleNamespace(
        DEPLOY=deploy,
        set_spawner_traits=lambda *_, **__: None,
        spawner_default=lambda _: "",
        spawner_has=lambda _: True,
    )
    config = Config()
    exec(compile(source, file, "exec"), {"get_config": lambda: config, "__file__": file})
    slurm = config.SlurmSpawner
    variables = {key.removeprefix("req_"): slurm[key] for key in slurm if key.startswith("req_")}
    scripts[name] = [slurm.batch_script, variables]
print(json.dumps(scripts))
"""
"""Runs the hub's configuration, with another place for its state, in a process of its own: it changes logging."""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Script]:
    """The batch script with each of the settings, and the configured variables."""
    deploy = {name: DeploySettings.model_validate(values).public() for name, values in SETTINGS.items()}
    state = tmp_path_factory.mktemp("state")
    (state / "token").write_text("0123456789abcdef")
    command = [sys.executable, "-c", PRINT_SCRIPTS, str(CONFIG), str(state), json.dumps(deploy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    made: dict[str, Script] = json.loads(done.stdout.splitlines()[-1])
    return made


def rendered(script: Script, home: Path | str, **variables: str) -> str:
    """A batch script as batchspawner makes it."""
    template, configured = script
    values = {"homedir": home, "prologue": "", "cmd": "env", **configured, **variables}
    return str(Template(template).render(**values))


def job(script: Script, home: Path, cmd: str = "env") -> subprocess.CompletedProcess[str]:
    """What a job with this script prints that runs ``env`` in place of a server; conda is in its home."""
    text = (
        rendered(script, home, cmd=cmd).replace("/CONDA", f"{home}/conda").replace("/HOMES", f"{home}/homes")
    )
    (home / "job").write_text(text)
    environment = {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "SLURM_JOB_ID": "1",
        "SLURM_JOB_USER": "alice.project1",
    }
    command = ["bash", "-l", str(home / "job")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def variables(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The environment that was printed."""
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def write_activate(home: Path, text: str) -> None:
    """Make the script of a conda installation that is to be sourced."""
    (home / "conda/bin").mkdir(parents=True)
    (home / "conda/bin/activate").write_text(text)


def test_the_environment_of_the_image(scripts: dict[str, Script], tmp_path: Path) -> None:
    found = variables(job(scripts["none"], tmp_path))
    assert found["PATH"].startswith("/opt/jupyter/bin:")
    assert not {"JUPYTER_PATH", "JUPYTER_DATA_DIR"} & set(found)


def test_shared_kernels_come_before_what_is_there(scripts: dict[str, Script], tmp_path: Path) -> None:
    found = variables(job(scripts["shared"], tmp_path))
    assert found["JUPYTER_PATH"] == "/srv/shared"
    # Jupyter writes into this one: it stays the user's own.
    assert "JUPYTER_DATA_DIR" not in found
    (tmp_path / ".bash_profile").write_text("export JUPYTER_PATH=/mine\n")
    found = variables(job(scripts["shared at home"], tmp_path))
    assert found["JUPYTER_PATH"] == f"{tmp_path}/shared:/mine"


def test_a_conda_installation_is_activated(scripts: dict[str, Script], tmp_path: Path) -> None:
    # As scripts of conda's packages do, it uses a variable that may be unset.
    write_activate(tmp_path, 'export CONDA_DEFAULT_ENV="$1" OLD="$NEVER_SET" PATH="/conda/bin:$PATH"\n')
    found = variables(job(scripts["conda"], tmp_path))
    assert found["CONDA_DEFAULT_ENV"] == "jupyter-user-env"
    assert found["PATH"].startswith("/conda/bin:")
    assert "/opt/jupyter/bin" not in found["PATH"]


@pytest.mark.parametrize("text", ["", "return 3\n"])
def test_a_job_whose_environment_cannot_be_activated_ends(
    scripts: dict[str, Script], tmp_path: Path, text: str
) -> None:
    if text:
        write_activate(tmp_path, text)
    done = job(scripts["conda"], tmp_path)
    assert done.returncode != 0
    assert "PATH=" not in done.stdout


def directives(script: str) -> list[str]:
    return [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")]


def test_a_job_has_theirs_name_and_its_gpus_on_one_node(scripts: dict[str, Script]) -> None:
    asked = {"runtime": "01:00:00", "ngpus": "4", "partition": "p", "reservation": "r"}
    assert directives(rendered(scripts["none"], "/h", **asked)) == [
        "--job-name=spawner-jupyterhub",
        "--export=ALL",
        "--chdir=/h",
        "--output=/dev/null",
        "--no-requeue",
        "--nodes=1",
        "--time=01:00:00",
        "--partition=p",
        "--reservation=r",
        "--gpus=4",
    ]
    assert "--gpus" not in rendered(scripts["none"], "/h", ngpus="0")
    assert "--gpus=gh200:4" in directives(rendered(scripts["none"], "/h", **asked, gpu_type="gh200"))


def test_all_of_batchspawners_variables_are_used(scripts: dict[str, Script]) -> None:
    script = rendered(scripts["all of a job"], "/h")
    assert directives(script)[6:] == [
        "--account=brics",
        "--qos=short",
        "--mem=4G",
        "--cpus-per-task=2",
        "--gres=shard:1",
        "--exclusive --constraint=x",
    ]
    assert script.rstrip().endswith("\nexec srun --export=ALL --cpus-per-task=2 env")
    assert rendered(scripts["none"], "/h").rstrip().endswith("\nexec env")


def test_what_comes_before_and_after_the_server(scripts: dict[str, Script], tmp_path: Path) -> None:
    done = job(scripts["epilogue"], tmp_path, cmd="sh -c 'echo SERVER=1; exit 3'")
    assert done.stdout.split() == ["BEFORE=1", "SERVER=1", "AFTER=3"]
    assert done.returncode == 3


def test_a_signal_is_for_the_server_and_what_comes_after_it_runs(
    scripts: dict[str, Script], tmp_path: Path
) -> None:
    done = job(scripts["epilogue"], tmp_path, cmd="sh -c 'kill -TERM $PPID; echo SERVER=1'")
    assert done.stdout.split() == ["BEFORE=1", "SERVER=1", "AFTER=0"]


def test_the_directory_that_is_shown(scripts: dict[str, Script], tmp_path: Path) -> None:
    done = job(scripts["project's directory"], tmp_path)
    place = tmp_path / "homes/project1/alice.project1"
    assert f"notebookDir: {place} is not there" in done.stderr
    assert "JUPYTERHUB_ROOT_DIR" not in variables(done)
    place.mkdir(parents=True)
    assert variables(job(scripts["project's directory"], tmp_path))["JUPYTERHUB_ROOT_DIR"] == str(place)
    assert "JUPYTERHUB_ROOT_DIR" not in variables(job(scripts["scratch"], tmp_path))
    (tmp_path / ".bash_profile").write_text(f"export SCRATCH={place}\n")
    assert variables(job(scripts["scratch"], tmp_path))["JUPYTERHUB_ROOT_DIR"] == str(place)
