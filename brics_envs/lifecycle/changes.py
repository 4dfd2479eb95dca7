"""Make a pod that is there equal to its inputs: decide, say, ask, act. May import: errors, plan, effects, lifecycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pykustomize
from brics_envs.effects import terminal
from brics_envs.effects.containers import execute
from brics_envs.effects.files import write_private
from brics_envs.errors import EnvsError
from brics_envs.lifecycle.applied import MANIFEST, Applied, load_applied, save_applied
from brics_envs.lifecycle.apply import apply
from brics_envs.lifecycle.observe import PodState
from brics_envs.lifecycle.report import say
from brics_envs.lifecycle.units import refresh_unit
from brics_envs.plan.changes import Change, action_words, change_of, ends_jobs
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.digests import Digests, changed_inputs, with_inputs_label
from brics_envs.plan.in_place import in_place_steps
from brics_envs.plan.overlay import Document
from brics_envs.plan.record import record_of


def observe_change(pod: PodState, manifest: list[Document], digests: Digests) -> Change:
    """What makes the pod equal to its inputs.

    :param digests: those of the manifest and its images.
    """
    applied = load_applied(pod.instance, pod.labels)
    states = [(container.name, container.state == "running") for container in pod.containers]
    return change_of(manifest, applied.digests if applied else None, digests, states)


def running_jobs(pod: PodState, change: Change) -> list[str]:
    """The running and waiting jobs that end by a change: ``ID (USER)`` each."""
    if not ends_jobs(change, [container.name for container in pod.containers]):
        return []
    queue = ("squeue", "--noheader", "--format=%i (%u)")
    done = execute(pod.instance.container("slurm"), *queue, timeout_s=20)
    return done.stdout.splitlines() if done.status == 0 else []


def words(pod: PodState, change: Change, jobs: list[str]) -> list[str]:
    """A change for the user: why, and what is done."""
    action = action_words(change)
    if not ends_jobs(change, [container.name for container in pod.containers]):
        return [*change.why, f"{action}; jobs go on"]
    return [*change.why, f"{action}; running jobs end: {', '.join(jobs) or 'none are running'}"]


def agree(pod: PodState, change: Change, *, yes: bool) -> None:
    """Say what is done, and ask before it ends jobs if there is somebody to ask.

    :param yes: whether the answer is known.
    :raises EnvsError: they do not want that.
    """
    jobs = running_jobs(pod, change)
    for line in words(pod, change, jobs):
        say(line)
    if jobs and not yes and terminal.is_there() and not terminal.agrees("End these jobs?"):
        raise EnvsError("nothing was changed: jobs are running", hint="--yes ends them without asking")


def put_in_place(
    pod: PodState,
    desired: DesiredState,
    manifest: list[Document],
    digests: Digests,
    change: Change,
    options: Mapping[str, str],
) -> None:
    """Carry out a change that does not replace the pod.

    :param options: as :attr:`Applied.options`.
    """
    before = load_applied(pod.instance, pod.labels)
    assert before is not None, "an instance without a record is replaced, not changed"
    keep_manifest(desired, manifest, digests)
    now = Applied(before.made_as, digests, record_of(desired), options)
    # Should this be interrupted, the next `up` does all of it again.
    pending = changed_inputs(before.digests, digests)
    certain = {item: digest for item, digest in digests.items() if item not in pending}
    save_applied(pod.instance, replace(now, digests=certain))
    apply(in_place_steps(pod.instance, desired.checkout, manifest, change))
    save_applied(pod.instance, now)


def keep_manifest(desired: DesiredState, manifest: list[Document], digests: Digests) -> None:
    """Write the manifest's file, which manual commands use, and the unit with which systemd starts it."""
    labelled = with_inputs_label(manifest, digests)
    write_private(desired.directory / MANIFEST, pykustomize.dump(labelled).encode())
    refresh_unit(desired.instance, desired.checkout, labelled)
