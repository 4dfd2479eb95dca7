"""Packages of somebody else that keep the interface of the dev repositories: other modules inside, few lines each."""

from __future__ import annotations

from pathlib import Path

from tests.support.git_repositories import commit, git

PYPROJECT = """\
[build-system]
requires = ["setuptools>=70", "setuptools-scm>=8"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
dynamic = ["version"]
requires-python = ">=3.9"
{more}
[tool.setuptools_scm]
version_file = "src/{module}/_version.py"
"""

AUTHENTICATOR_ENTRIES = """
[project.entry-points."jupyterhub.authenticators"]
brics = "elsewhere_auth.hub:BricsAuthenticator"

[project.entry-points."jupyterhub.spawners"]
brics = "elsewhere_auth.hub:BricsSlurmSpawner"
"""

AUTHENTICATOR = '''
"""Somebody else's authenticator and spawner."""

from batchspawner import SlurmSpawner
from jupyterhub.auth import Authenticator
from traitlets import Float, Unicode, default


class BricsAuthenticator(Authenticator):
    oidc_server = Unicode(config=True)
    brics_platform = Unicode(config=True)
    jwt_audience = Unicode(config=True)
    jwt_leeway = Float(config=True)


class BricsSlurmSpawner(SlurmSpawner):
    MARK = "committed"

    @default("options_form")
    def _options_form_default(self):
        return type(self).render

    async def render(self):
        projects = (await self.user.get_auth_state()) or {}
        options = "".join(f'<option value="{key}">{value["name"]}</option>' for key, value in projects.items())
        others = "".join(f'<input name="{name}" value="{value}">' for name, value in (
            ("runtime", "00:10:00"), ("ngpus", "0"), ("partition", ""), ("reservation", "")))
        return f'<p>elsewhere</p><select name="brics_project">{options}</select>{others}'

    def user_env(self, env):
        return env  # the hub's host does not know the users

    def options_from_form(self, form):
        return {name: values[0] for name, values in form.items()}

    async def start(self):
        project = self.user_options["brics_project"]
        self.req_username = (await self.user.get_auth_state())[project]["username"]
        self.req_homedir = f\'/home/{project.partition(".")[0]}/{self.req_username}\'
        for name in ("runtime", "ngpus", "partition", "reservation"):
            setattr(self, f"req_{name}", self.user_options.get(name, ""))
        return await super().start()
'''

WRAPPER_ENTRIES = """
[project.scripts]
slurmspawner_sbatch = "elsewhere_slurm.commands:sbatch"
slurmspawner_squeue = "elsewhere_slurm.commands:squeue"
slurmspawner_scancel = "elsewhere_slurm.commands:scancel"
"""

WRAPPERS = '''
"""Somebody else's wrapper scripts; each use is noted in the user's home."""

import os

MARK = "committed"


def _become(*command):
    with open(os.path.expanduser("~/elsewhere.log"), "a") as log:
        log.write(f"{MARK} {command[0]}\\n")
    os.execvp(command[0], command)


def sbatch():
    _become("sbatch", "--parsable")


def squeue():
    _become("squeue", "-h", "-j", os.environ["SLURMSPAWNER_JOB_ID"], "-o", "%T %B")


def scancel():
    _become("scancel", os.environ["SLURMSPAWNER_JOB_ID"])
'''


def make_authenticator(directory: Path) -> Path:
    """A repository of package bricsauthenticator with tag v7.1.0."""
    return _make(
        directory, "bricsauthenticator", "elsewhere_auth", AUTHENTICATOR_ENTRIES, "hub.py", AUTHENTICATOR
    )


def make_wrappers(directory: Path) -> Path:
    """A repository of package slurmspawner_wrappers with tag v7.1.0."""
    return _make(
        directory, "slurmspawner_wrappers", "elsewhere_slurm", WRAPPER_ENTRIES, "commands.py", WRAPPERS
    )


def _make(directory: Path, name: str, module: str, entries: str, file: str, text: str) -> Path:
    source = directory / "src" / module
    source.mkdir(parents=True)
    (directory / "pyproject.toml").write_text(PYPROJECT.format(name=name, module=module, more=entries))
    (directory / ".gitignore").write_text("_version.py\n*.egg-info/\n")
    (source / "__init__.py").write_text("")
    (source / file).write_text(text.lstrip())
    git(directory, "init", "--quiet", "--initial-branch=main")
    commit(directory, "Begin")
    git(directory, "tag", "v7.1.0")
    return directory
