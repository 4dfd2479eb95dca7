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
    "shared": {"jupyterDataDir": "/srv/shared"},
    "shared at home": {"jupyterDataDir": "$HOME/shared"},
    "conda": {"condaPrefixDir": "/CONDA"},
}
PRINT_SCRIPTS = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from traitlets.config import Config
file, state, settings = sys.argv[1:]
source = Path(file).read_text().replace("/srv/jupyterhub", state).replace("/etc/brics/proxy-api", state)
scripts = {}
for name, deploy in json.loads(settings).items():
    sys.modules["deploy_settings"] = SimpleNamespace(DEPLOY=deploy)
    config = Config()
    exec(compile(source, file, "exec"), {"get_config": lambda: config, "__file__": file})
    scripts[name] = config.SlurmSpawner.batch_script
print(json.dumps(scripts))
"""
"""Runs the hub's configuration, with another place for its state, in a process of its own: it changes logging."""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The batch script with each of the settings."""
    deploy = {name: DeploySettings.model_validate(values).public() for name, values in SETTINGS.items()}
    state = tmp_path_factory.mktemp("state")
    (state / "token").write_text("0123456789abcdef")
    command = [sys.executable, "-c", PRINT_SCRIPTS, str(CONFIG), str(state), json.dumps(deploy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    made: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return made


def job(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    """What a job with this script prints that runs ``env`` in place of a server; conda is in its home."""
    text = Template(script).render(homedir=home, prologue="", cmd="env").replace("/CONDA", f"{home}/conda")
    (home / "job").write_text(text)
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "1"}
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


def test_the_environment_of_the_image(scripts: dict[str, str], tmp_path: Path) -> None:
    found = variables(job(scripts["none"], tmp_path))
    assert found["PATH"].startswith("/opt/jupyter/bin:")
    assert not {"JUPYTER_PATH", "JUPYTER_DATA_DIR"} & set(found)


def test_shared_kernels_come_before_what_is_there(scripts: dict[str, str], tmp_path: Path) -> None:
    found = variables(job(scripts["shared"], tmp_path))
    assert found["JUPYTER_PATH"] == "/srv/shared"
    # Jupyter writes into this one: it stays the user's own.
    assert "JUPYTER_DATA_DIR" not in found
    (tmp_path / ".bash_profile").write_text("export JUPYTER_PATH=/mine\n")
    found = variables(job(scripts["shared at home"], tmp_path))
    assert found["JUPYTER_PATH"] == f"{tmp_path}/shared:/mine"


def test_a_conda_installation_is_activated(scripts: dict[str, str], tmp_path: Path) -> None:
    # As scripts of conda's packages do, it uses a variable that may be unset.
    write_activate(tmp_path, 'export CONDA_DEFAULT_ENV="$1" OLD="$NEVER_SET" PATH="/conda/bin:$PATH"\n')
    found = variables(job(scripts["conda"], tmp_path))
    assert found["CONDA_DEFAULT_ENV"] == "jupyter-user-env"
    assert found["PATH"].startswith("/conda/bin:")
    assert "/opt/jupyter/bin" not in found["PATH"]


@pytest.mark.parametrize("text", ["", "return 3\n"])
def test_a_job_whose_environment_cannot_be_activated_ends(
    scripts: dict[str, str], tmp_path: Path, text: str
) -> None:
    if text:
        write_activate(tmp_path, text)
    done = job(scripts["conda"], tmp_path)
    assert done.returncode != 0
    assert "PATH=" not in done.stdout
