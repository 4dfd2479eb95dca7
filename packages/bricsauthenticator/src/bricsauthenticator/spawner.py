"""``BricsSlurmSpawner``: runs a user's server as a Slurm job of the chosen project's account."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from traitlets import Integer, List, TraitError, Unicode, default, validate

from bricsauthenticator import form
from bricsauthenticator.cluster import CLUSTER_SCRIPT, Cluster
from bricsauthenticator.cluster_watch import FRESH, STALE, ClusterWatch
from bricsauthenticator.explain import JobRefused, duration, refusal
from bricsauthenticator.job_spawner import JobSpawner
from bricsauthenticator.names import Project, ProjectError, from_auth_state, make_project
from bricsauthenticator.options import (
    JobOptions,
    Limits,
    OptionsError,
    Problem,
    from_form,
    problem_of_slurm,
    seconds,
)
from bricsauthenticator.options import validate as validate_options

CLUSTER = ClusterWatch()
"""That of the hub, for all forms."""


@cache
def _entrance(_: asyncio.AbstractEventLoop) -> asyncio.Lock:
    """Those who start a server at the same moment come in one by one: each start keeps the event loop for a while."""
    return asyncio.Lock()


class BricsSlurmSpawner(JobSpawner):
    """Runs a user's server as a Slurm job of the account ``<user>.<project>`` in a project of the sign-in.

    batchspawner's traits ``exec_prefix``, ``batch_submit_cmd``, ``batch_query_cmd``, ``batch_cancel_cmd`` and
    ``batch_script`` say how.
    """

    max_runtime = Unicode("24:00:00", help="Longest run time that users can request, HH:MM:SS.").tag(
        config=True
    )
    default_runtime = Unicode("01:00:00", help="Run time preset in the form, HH:MM:SS.").tag(config=True)
    min_ngpus = Integer(0, min=0, help="Smallest number of GPUs that users can request.").tag(config=True)
    max_ngpus = Integer(4, min=0, help="Largest number of GPUs that users can request.").tag(config=True)
    default_ngpus = Integer(1, min=0, help="Number of GPUs preset in the form.").tag(config=True)

    partitions = List(
        Unicode(),
        help="Partitions that users can choose. Empty: any, and Slurm decides whether to accept it.",
    ).tag(config=True)
    default_partition = Unicode(
        help="Partition preset in the form. Empty: the first of ``partitions``, or Slurm's own default."
    ).tag(config=True)

    batch_cluster_cmd = Unicode(
        CLUSTER_SCRIPT,
        help="Command, without exec_prefix, that lists partitions, nodes, reservations and associations. It runs as an"
        " account that may see them. If it fails or is empty, the form offers none.",
    ).tag(config=True)

    req_gpu_type = Unicode(help="The chosen GPU type; empty for any.")
    req_project = Unicode(help="The chosen project, <project>.")
    req_project_key = Unicode(help="The chosen project, <project>.<portal>.")

    _refused_form: dict[str, object] | None = None
    _problems: tuple[Problem, ...] = ()
    """Of what was just refused."""

    req_account: str
    req_qos: str

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._usual_account, self._usual_qos = self.req_account, self.req_qos

    @default("req_username")
    def _req_username_default(self) -> str:
        """Unknown until a project is chosen."""
        return ""

    @default("req_homedir")
    def _req_homedir_default(self) -> str:
        return ""

    @default("options_form")
    def _options_form_default(self) -> Callable[[Any], Any]:
        return BricsSlurmSpawner.render_options_form

    @default("apply_user_options")
    def _apply_user_options_default(self) -> Callable[[Any, Any], None]:
        """Nothing: :meth:`start` does it, in every version of JupyterHub."""
        return lambda spawner, user_options: None

    @validate("max_runtime", "default_runtime")
    def _validate_runtime(self, proposal: Any) -> str:
        try:
            seconds(proposal.value)
        except ValueError as error:
            raise TraitError(f"{proposal.trait.name}: {proposal.value!r}: {error}") from None
        return str(proposal.value)

    @property
    def limits(self) -> Limits:
        """What may be asked for, from the configuration."""
        return Limits(
            max_runtime=seconds(self.max_runtime),
            default_runtime=self.default_runtime,
            min_ngpus=self.min_ngpus,
            max_ngpus=self.max_ngpus,
            default_ngpus=self.default_ngpus,
            partitions=tuple(self.partitions),
            default_partition=self.default_partition or next(iter(self.partitions), ""),
        )

    async def projects(self) -> dict[str, Project]:
        """The projects of the user's last sign-in, by key; none if what is stored has another form."""
        try:
            return from_auth_state(await self.user.get_auth_state())
        except ProjectError as error:
            self.log.error("The auth_state of %s is not usable: %s", self.user.name, error)
            return {}

    def cluster(self, oldest: float = FRESH) -> Cluster:
        """What is known of Slurm's cluster; Slurm is asked again in the background if that is old.

        :param oldest: seconds after which it no longer counts.
        """
        return CLUSTER.look(self.batch_cluster_cmd, self.command_timeout, oldest)

    async def render_options_form(self) -> str:
        """The form, showing what was just refused, or else the options of the last time."""
        earlier = self.user_options if self._refused_form is None else self._refused_form
        problems = self._problems
        self._refused_form, self._problems = None, ()
        is_fresh = bool(self.cluster().partitions)
        return form.render(
            await self.projects(), self.limits, earlier, self.cluster(STALE), is_fresh, problems
        )

    async def options_from_form(self, form_data: dict[str, Any]) -> dict[str, str]:
        """The options in a submitted form, or in the query of a link to it.

        :raises tornado.web.HTTPError: 400 with the reason.
        """
        self._refused_form, self._problems = None, ()
        async with _entrance(asyncio.get_running_loop()):
            await asyncio.sleep(0)
        projects = await self.projects()
        try:
            options = validate_options(from_form(form_data), projects, self.limits, self.cluster())
        except OptionsError as error:
            self._refused_form = {name: values[0] for name, values in form_data.items() if values}
            self._problems = error.problems
            raise refusal(400, error.for_form()) from None
        return options.as_user_options()

    async def start(self) -> tuple[str, int]:
        """Check the options once more, for the hub's API sends them past the form, and start the job.

        :raises tornado.web.HTTPError: 400 the options are refused; otherwise as :meth:`JobSpawner.start`.
        """
        try:
            options = validate_options(self.user_options, await self.projects(), self.limits, self.cluster())
        except OptionsError as error:
            raise refusal(400, str(error)) from None
        self._apply(options)
        try:
            return await super().start()
        except JobRefused as error:
            self._remember_refusal(options, error.words)
            raise

    def _remember_refusal(self, options: JobOptions, words: str) -> None:
        """Show at its field what Slurm refused, and do not propose it again."""
        chosen = options.as_user_options()
        problem = problem_of_slurm(words, chosen)
        if problem is None:
            return
        self._problems = (problem,)
        self.user_options = {name: value for name, value in chosen.items() if name != problem.field}
        # A spawner that has failed is replaced by one that takes its options from the database.
        self.orm_spawner.user_options = self.user_options
        self.user.db.commit()

    def _apply(self, options: JobOptions) -> None:
        """Set the variables of commands and batch script."""
        self._apply_project(options.project)
        self.req_runtime = options.runtime
        self.req_ngpus = str(options.ngpus)
        self.req_gpu_type = options.gpu_type
        self.req_partition = options.partition
        self.req_reservation = options.reservation
        self.req_account = options.account or self._usual_account
        self.req_qos = options.qos or self._usual_qos

    def job_facts(self) -> dict[str, str]:
        """What the hub's home page shows of a running server, by label; empty unless it is ready.

        Whoever is there may go on to the form: the cluster is asked for.
        """
        self.cluster()
        if not self.ready or not self.job_id:
            return {}
        left = max(self._time_up - time.time(), 0.0) if self._time_up else 0.0
        facts = {
            "Project": self.req_project_key,
            "Job": self.job_id,
            "Node": self.state_gethost(),
            "GPUs": self.req_ngpus or str(self.user_options.get("ngpus", "")),
            "Time left": duration(left // 60 * 60) if left >= 60 else "less than a minute" if left else "",
        }
        return {label: value for label, value in facts.items() if value}

    def _apply_project(self, project: Project) -> None:
        self.req_project_key = project.key
        self.req_project = project.name
        self.req_username = project.username
        self.req_homedir = project.homedir

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Variables of the account, which the hub's host need not know."""
        return env | {"USER": self.req_username, "HOME": self.req_homedir, "SHELL": "/bin/bash"}

    def get_state(self) -> dict[str, Any]:
        """The job's ID, and the project, to query and cancel the job after a restart of the hub."""
        state: dict[str, Any] = super().get_state()
        if self.job_id:
            state["project"] = {"key": self.req_project_key, "username": self.req_username}
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Set what :meth:`get_state` gave."""
        super().load_state(state)
        saved = state.get("project")
        if isinstance(saved, dict):
            with suppress(ProjectError):
                self._apply_project(make_project(saved.get("key"), "", saved.get("username")))

    async def restore_account(self) -> None:
        """For a job whose state another spawner class has stored: the account by the options of last time."""
        key = self.user_options.get("brics_project")
        project = (await self.projects()).get(key) if isinstance(key, str) else None
        if project is not None:
            self._apply_project(project)
