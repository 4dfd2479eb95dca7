"""What the hub's configuration lets a job run: its software and shared kernels, in a real shell."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Template
from traitlets.config import Config

from brics_envs.config.deploy import DeploySettings

CONFIG = Path(__file__).resolve().parents[2] / "k8s/base/jupyterhub/jupyterhub_config.py"


def job_environment(monkeypatch: pytest.MonkeyPatch, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """What a job with these settings prints that runs ``env`` in place of a server."""
    config = Config()
    with monkeypatch.context() as patch:
        deploy = DeploySettings.model_validate(settings).public()
        patch.setitem(sys.modules, "deploy_settings", SimpleNamespace(DEPLOY=deploy))
        patch.syspath_prepend(str(CONFIG.parent))
        patch.setattr(Path, "exists", lambda _: True)
        patch.setattr(Path, "read_bytes", lambda _: bytes(32))
        runpy.run_path(str(CONFIG), init_globals={"get_config": lambda: config})
        sys.modules.pop("redact")
    script = Template(config.SlurmSpawner.batch_script).render(homedir=home, prologue="", cmd="env")
    job = home / "job"
    job.write_text(script)
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "1"}
    # As a login shell, to which the script would otherwise change with its output in the log.
    return subprocess.run(
        ["bash", "-l", str(job)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def variables(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The environment that was printed."""
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def test_the_environment_of_the_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = variables(job_environment(monkeypatch, tmp_path))
    assert found["PATH"].startswith("/opt/jupyter/bin:")
    assert not {"JUPYTER_PATH", "JUPYTER_DATA_DIR"} & set(found)


def test_shared_kernels_come_before_what_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = variables(job_environment(monkeypatch, tmp_path, jupyterDataDir="/srv/shared"))
    assert found["JUPYTER_PATH"] == "/srv/shared"
    # Jupyter writes into this one: it stays the user's own.
    assert "JUPYTER_DATA_DIR" not in found
    (tmp_path / ".bash_profile").write_text("export JUPYTER_PATH=/mine\n")
    found = variables(job_environment(monkeypatch, tmp_path, jupyterDataDir="$HOME/shared"))
    assert found["JUPYTER_PATH"] == f"{tmp_path}/shared:/mine"


def test_a_conda_installation_is_activated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    activate = tmp_path / "conda/bin/activate"
    activate.parent.mkdir(parents=True)
    # As scripts of conda's packages do, it uses a variable that may be unset.
    activate.write_text('export CONDA_DEFAULT_ENV="$1" OLD="$NEVER_SET" PATH="/conda/bin:$PATH"\n')
    found = variables(job_environment(monkeypatch, tmp_path, condaPrefixDir=str(tmp_path / "conda")))
    assert found["CONDA_DEFAULT_ENV"] == "jupyter-user-env"
    assert found["PATH"].startswith("/conda/bin:")
    assert "/opt/jupyter/bin" not in found["PATH"]


@pytest.mark.parametrize("text", [None, "return 3\n"])
def test_a_job_whose_environment_cannot_be_activated_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    activate = tmp_path / "conda/bin/activate"
    activate.parent.mkdir(parents=True)
    if text is not None:
        activate.write_text(text)
    done = job_environment(monkeypatch, tmp_path, condaPrefixDir=str(tmp_path / "conda"))
    assert done.returncode != 0
    assert "PATH=" not in done.stdout
