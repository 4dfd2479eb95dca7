"""A job's environment in its batch script, in real shells, as a service account's sudo and Slurm hand over the rest."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.lone_modules import load_module

SSH = Path(__file__).resolve().parents[2] / "k8s/base/ssh"
OWN = pwd.getpwuid(os.getuid())
LEFT_BEHIND = {
    "USER": "jupyterspawner",
    "HOME": "/SERVICE",
    "SHELL": "/bin/false",
    "PATH": "/SERVICE/bin:/usr/bin:/bin",
    "LANG": "xx",
    "LC_ALL": "xx",
    "TZ": "Mars/Olympus",
    "MAIL": "/var/mail/jupyterspawner",
    "SUDO_USER": "jupyterspawner",
    "JUPYTERHUB_OLD": "of the service account",
    "JPY_API_TOKEN": "of the service account",
    "SLURMSPAWNER_JOB_ID": "7",
}
"""What their sudo keeps; Slurm hands it to the job."""


job_environment = load_module(SSH / "job_environment.py")


def completed(script: str, environment: Mapping[str, str] | None = None) -> str:
    """The script with this environment."""
    pairs = {name.encode(): value.encode() for name, value in (environment or {}).items()}
    made: bytes = job_environment.complete(script.encode(), pairs)
    return made.decode()


def run(script: str, environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """The environment that a job with this script prints with ``env -0``."""
    service = home / "service"
    service.mkdir(exist_ok=True)
    for name in (".profile", ".bash_profile", ".zprofile"):
        (service / name).write_text("echo the service account has a profile; export STRAY=1\n")
    job = home / "job"
    job.write_text(completed(script, environment))
    job.chmod(0o755)
    around = {name: value.replace("/SERVICE", str(service)) for name, value in LEFT_BEHIND.items()}
    done = subprocess.run(
        [str(job)],
        env=around | {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0", "SLURM_SUBMIT_DIR": str(service)},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = done.stdout.decode().split("\0")
    return dict(entry.split("=", 1) for entry in found if entry)


SCRIPTS = {
    "plain": "#!/bin/bash\n#SBATCH --job-name=x\nset -euo pipefail\nenv -0\n",
    "sh": "#!/bin/sh -eu\n#SBATCH --job-name=x\nenv -0\n",
    "login": "#!/bin/bash -l\n#SBATCH --job-name=x\n\nenv -0\n",
    "login by env": "#!/usr/bin/env -S bash -el\n#SBATCH --job-name=x\nenv -0\n",
    "login later": '#!/bin/bash\n#SBATCH -J x\nshopt -q login_shell || exec bash -l "$0"\nset -eu\nenv -0\n',
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_accounts_own_and_what_the_hub_tells_arrive(script: str, tmp_path: Path) -> None:
    sent = {
        "JUPYTERHUB_API_TOKEN": "0123456789",
        "QUOTES": "a'b\"c$(id)`id`\\ \n second line",
        "EMPTY": "",
        "HOME": "/srv/jupyterhub",
        "USER": "jupyterhub",
        "PATH": "/srv/venv/bin",
        "PWD": "/srv",
    }
    found = run(script, sent, tmp_path)
    assert {name: found[name] for name in ("JUPYTERHUB_API_TOKEN", "QUOTES", "EMPTY")} == {
        name: sent[name] for name in ("JUPYTERHUB_API_TOKEN", "QUOTES", "EMPTY")
    }
    assert (found["USER"], found["LOGNAME"], found["HOME"]) == (OWN.pw_name, OWN.pw_name, OWN.pw_dir)
    assert (found["SHELL"], found["SLURM_SUBMIT_DIR"]) == (OWN.pw_shell, OWN.pw_dir)
    assert "service" not in found["PATH"]
    assert "/srv/venv" not in found["PATH"]
    assert not {"STRAY", "SUDO_USER", "JUPYTERHUB_OLD", "JPY_API_TOKEN", "TZ", "SLURMSPAWNER_JOB_ID"} & set(
        found
    )
    assert found.get("LANG") != "xx"
    # Slurm's own stay.
    assert (found["SLURM_JOB_ID"], found["CUDA_VISIBLE_DEVICES"]) == ("7", "0")


def test_a_login_shell_is_the_accounts(tmp_path: Path) -> None:
    """Its profile has been read when the script goes on, and what it did to PATH stays."""
    text = completed(SCRIPTS["login"]).replace(
        'exec /bin/bash -l "$0"', f'export HOME={tmp_path}; exec /bin/bash -l "$0"'
    )
    (tmp_path / ".bash_profile").write_text("export PATH=/mine:$PATH MINE=1\n")
    (tmp_path / "job").write_text(text)
    (tmp_path / "job").chmod(0o755)
    done = subprocess.run(
        [str(tmp_path / "job")],
        env={"PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "7"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    found = done.stdout.decode().split("\0")
    assert "MINE=1" in found
    assert next(entry for entry in found if entry.startswith("PATH=")).startswith("PATH=/mine:")


def test_directives_stay_in_front() -> None:
    header = "#!/bin/bash\n#SBATCH --job-name=x\n\n# a comment\n  # another\n#SBATCH --no-requeue\n"
    made = completed(f"{header}echo '#SBATCH in the script'\n#SBATCH --too=late\n", {"A": "#SBATCH --x=y"})
    assert made.startswith(header)
    assert made.endswith("echo '#SBATCH in the script'\n#SBATCH --too=late\n")
    assert "export A='#SBATCH --x=y'\n" in made


def test_a_script_of_directives_alone_gets_its_environment_too() -> None:
    assert completed("#!/bin/bash\n#SBATCH --wrap", {"A": "1"}).endswith("export A='1'\n")


@pytest.mark.parametrize("first", ["#!/usr/bin/python3", "#!/bin/tcsh", "#!", "#!/usr/bin/env python3"])
def test_a_script_of_no_shell_is_refused(first: str) -> None:
    with pytest.raises(job_environment.ScriptError, match="not a script of a shell"):
        completed(f"{first}\n")


@pytest.mark.parametrize("name", ["a-b", "a.b", "1a", "BASH_FUNC_f%%", "UID", "a b", ""])
def test_a_variable_that_no_shell_can_set_is_refused_by_name(name: str) -> None:
    with pytest.raises(job_environment.ScriptError) as refused:
        completed("#!/bin/sh\n", {name: "the-value"})
    assert repr(name) in str(refused.value)
    assert "the-value" not in str(refused.value)
