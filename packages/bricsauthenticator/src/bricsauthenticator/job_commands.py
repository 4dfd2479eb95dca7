"""``JobCommands``: the commands of the batch system, as the spawner runs them.

Imports: commands, metrics, slurm, batch_script.

What differs from batchspawner 1.3: every command has a time limit, none sees the hub's secrets, and no environment is
logged, for tokens are in it.
"""

from __future__ import annotations

import os
import secrets
from functools import cache

from batchspawner import SlurmSpawner
from batchspawner.batchspawner import format_template
from jinja2 import Template
from traitlets import Float, Unicode

from bricsauthenticator import batch_script, commands, metrics, slurm, waiting


class JobCommands(SlurmSpawner):  # type: ignore[misc]
    """Submits, queries, cancels and lists jobs.

    A subclass sets the traits ``req_…`` before a job is submitted, values that need no quoting in a shell.
    """

    command_timeout = Float(60.0, help="Seconds that a command of the batch system may take.").tag(
        config=True
    )
    exec_prefix = Unicode("sudo -n -u {username}").tag(config=True)
    batch_submit_cmd = Unicode("slurmspawner_sbatch").tag(config=True)
    batch_query_cmd = Unicode("SLURMSPAWNER_JOB_ID={job_id} slurmspawner_squeue").tag(config=True)
    batch_cancel_cmd = Unicode("SLURMSPAWNER_JOB_ID={job_id} slurmspawner_scancel").tag(config=True)
    batch_list_cmd = Unicode(
        f"squeue --noheader --all --states=all --user={{username}} --format={slurm.LIST_FORMAT}",
        help="Command, without exec_prefix, that lists an account's jobs, run as one that may see them. Empty: none."
        " (--all: squeue hides the jobs of partitions that whoever asks cannot use.)",
    ).tag(config=True)
    batch_queue_cmd = Unicode(
        f"SLURM_TIME_FORMAT=%s squeue --noheader --all --states=PENDING --sort=-p --format={waiting.QUEUE_FORMAT}",
        help="Command, without exec_prefix, that lists all jobs that wait, run as one that may see them. Empty: none.",
    ).tag(config=True)
    batch_watch_cmd = Unicode(
        f"squeue --noheader --all --states=all --jobs={{job_ids}} --format={slurm.ALL_FORMAT}",
        help="Command, without exec_prefix, that prints the states of all servers' jobs, run as an account that may see"
        " them. Where it fails or does not show them, and if it is empty, batch_query_cmd is run for each.",
    ).tag(config=True)
    batch_script = Unicode(batch_script.BATCH_SCRIPT).tag(config=True)
    launcher_python = Unicode(
        "python3", help="A Python, 3.8 or newer, in the job's environment, which the launcher runs in."
    ).tag(config=True)
    kernel_transport = Unicode(
        "ipc",
        help="How server and kernels talk: ipc (sockets that other users cannot reach), tcp, or empty for a server that"
        " is not Jupyter's.",
    ).tag(config=True)
    req_srun = Unicode("", help="Prefix of the server's command; empty: no job step of its own.").tag(
        config=True
    )

    async def restore_account(self) -> None:
        """Hook of subclasses: find out ``req_username`` if the stored state did not tell."""

    async def run_command(self, cmd: str, input: str | None = None, env: dict[str, str] | None = None) -> str:
        """Run a command line; its output.

        :param env: all of its environment; by default the hub's without its secrets.
        :raises CommandError: it failed or took too long.
        """
        environment = commands.hub_environment() if env is None else env
        return await commands.run(
            cmd, stdin=input or "", environment=environment, time_limit=self.command_timeout
        )

    async def run_as(self, template: str, job_id: str, username: str = "") -> str:
        """Run a command for an account, by default that of the server; its output.

        :raises RuntimeError: it failed, or took too long, or it is not known as whom to run it.
        """
        names = {
            self.batch_query_cmd: "query",
            self.batch_cancel_cmd: "cancel",
            self.batch_list_cmd: "list",
            self.batch_queue_cmd: "queue",
        }
        command = await self._command_line(template, job_id, username)
        with metrics.timed(names[template]):
            return await self.run_command(command)

    async def _command_line(self, template: str, job_id: str = "", username: str = "") -> str:
        if not (username or self.req_username):
            await self.restore_account()
        account = username or self.req_username
        if not account:
            raise RuntimeError("it is not known which account the job belongs to")
        variables = self.get_req_subvars() | {"job_id": job_id, "username": account}
        prefix = "" if template in (self.batch_list_cmd, self.batch_queue_cmd) else self.exec_prefix
        return " ".join(format_template(part, **variables) for part in (prefix, template) if part)

    async def _get_batch_script(self, **subvars: str) -> str:
        """The script, from a template that is compiled once."""
        return _template(self.batch_script).render(**subvars)

    async def submit(self, mark: str) -> str:
        """Submit a job with this mark; its ID.

        Unlike batchspawner's it lets no user option replace a variable of the script.

        :raises CommandError: sbatch failed or took too long; the job may have been accepted.
        :raises ValueError: it gave no job ID.
        """
        command = await self._command_line(self.batch_submit_cmd)
        server = batch_script.server_command(self.launcher_python, mark, self.cmd + self.get_args())
        rendered = await self._get_batch_script(**self.get_req_subvars(), cmd=server)
        environment = {"PATH": os.environ.get("PATH", os.defpath)} | self.get_env()
        self.log.info("Submitting a job for %s: %s", self._log_name, command)
        script = batch_script.complete(rendered, mark)
        with metrics.timed("submit"):
            answer = await self.run_command(command, script, environment)
        return slurm.parse_sbatch(answer)

    def get_args(self) -> list[str]:
        """The server's arguments. The kernels' transport is the last word: a user's own configuration comes before."""
        arguments: list[str] = super().get_args()
        if self.kernel_transport:
            # Of all the classes: the most special one that is configured counts.
            arguments += [f"--{name}.transport={self.kernel_transport}" for name in KERNEL_MANAGERS]
        return arguments

    async def query(self, job_id: str, username: str = "") -> str:
        """What squeue says about a job: ``STATE HOST``. Raises as :meth:`run_as`."""
        return await self.run_as(self.batch_query_cmd, job_id, username)

    async def cancel(self, job_id: str, username: str = "") -> None:
        """Cancel a job. Raises as :meth:`run_as`."""
        self.log.info("Cancelling job %s of %s", job_id, self._log_name)
        await self.run_as(self.batch_cancel_cmd, job_id, username)

    async def list_jobs(self, username: str = "") -> list[slurm.Row]:
        """The account's jobs; none where nobody but the account may see them. Raises as :meth:`run_as`."""
        if not self.batch_list_cmd:
            return []
        return slurm.parse_list(await self.run_as(self.batch_list_cmd, "", username))

    async def ask_queue(self) -> str:
        """All jobs that wait, as :func:`waiting.parse_queue` takes them. Raises as :meth:`run_as`."""
        return await self.run_as(self.batch_queue_cmd, "") if self.batch_queue_cmd else ""

    async def find(self, mark: str, username: str = "") -> str:
        """The ID of the job with this mark that is not over; empty if none is seen. Raises as :meth:`run_as`."""
        rows = await self.list_jobs(username)
        self.log.debug("Jobs of %s, of which %s is looked for: %s", self._log_name, mark, rows)
        found = [row.job_id for row in rows if mark in row.comment and slurm.in_queue(row)]
        return found[0] if found else ""


@cache
def _template(source: str) -> Template:
    template: Template = Template(source)
    return template


KERNEL_MANAGERS = ("ServerKernelManager", "AsyncIOLoopKernelManager", "AsyncKernelManager", "KernelManager")
"""jupyter_server's class of kernel managers and those that it is made from."""


def new_mark() -> str:
    """A mark for a new start: unique, and hard to guess."""
    return secrets.token_hex(12)
