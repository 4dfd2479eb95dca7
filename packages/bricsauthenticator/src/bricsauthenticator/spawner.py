"""``BricsSlurmSpawner``: runs a user's server as a Slurm job of the chosen project's account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from traitlets import Integer, List, TraitError, Unicode, default, validate

from bricsauthenticator import form
from bricsauthenticator.explain import refusal
from bricsauthenticator.job_spawner import JobSpawner
from bricsauthenticator.names import Project, ProjectError, from_auth_state, make_project
from bricsauthenticator.options import JobOptions, Limits, OptionsError, from_form, seconds
from bricsauthenticator.options import validate as validate_options


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

    req_project = Unicode(help="The chosen project, <project>.")
    req_project_key = Unicode(help="The chosen project, <project>.<portal>.")

    _refused_form: dict[str, object] | None = None

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

    async def render_options_form(self) -> str:
        """The form, showing what was just refused, or else the options of the last time."""
        earlier = self.user_options if self._refused_form is None else self._refused_form
        self._refused_form = None
        return form.render(await self.projects(), self.limits, earlier)

    async def options_from_form(self, form_data: dict[str, Any]) -> dict[str, str]:
        """The options in a submitted form, or in the query of a link to it.

        :raises tornado.web.HTTPError: 400 with the reason.
        """
        self._refused_form = None
        async with _entrance(asyncio.get_running_loop()):
            await asyncio.sleep(0)
        try:
            options = validate_options(from_form(form_data), await self.projects(), self.limits)
        except OptionsError as error:
            self._refused_form = {name: values[0] for name, values in form_data.items() if values}
            raise refusal(400, str(error)) from None
        return options.as_user_options()

    async def start(self) -> tuple[str, int]:
        """Check the options once more, for the hub's API sends them past the form, and start the job.

        :raises tornado.web.HTTPError: 400 the options are refused; otherwise as :meth:`JobSpawner.start`.
        """
        try:
            options = validate_options(self.user_options, await self.projects(), self.limits)
        except OptionsError as error:
            raise refusal(400, str(error)) from None
        self._apply(options)
        return await super().start()

    def _apply(self, options: JobOptions) -> None:
        """Set the variables of commands and batch script."""
        self._apply_project(options.project)
        self.req_runtime = options.runtime
        self.req_ngpus = str(options.ngpus)
        self.req_partition = options.partition
        self.req_reservation = options.reservation

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
