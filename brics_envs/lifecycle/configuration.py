"""Put edited configuration in place while an instance is watched, as `up` would. May import: everything but cli."""

from __future__ import annotations

from pathlib import Path

from brics_envs.lifecycle.applied import Applied, load_applied
from brics_envs.lifecycle.changes import put_in_place, running_jobs, words
from brics_envs.lifecycle.instance_secrets import existing_secrets
from brics_envs.lifecycle.live import mounted
from brics_envs.lifecycle.observe import PodState
from brics_envs.lifecycle.prepare import UpOptions, prepare, read_options
from brics_envs.lifecycle.ready import checks_for, wait_until_ready
from brics_envs.plan.changes import change_of
from brics_envs.plan.digests import IMAGE, input_digests
from brics_envs.plan.live import with_live
from brics_envs.plan.manifest import assemble
from brics_envs.plan.record import record_of


def directories(root: Path, pod: PodState) -> list[Path]:
    """Where an instance's configuration is."""
    applied = load_applied(pod.instance, pod.labels)
    own = [Path(applied.options["deploy_dir"])] if applied and applied.options.get("deploy_dir") else []
    return [path for path in (root / "k8s", root / "config", *own) if path.is_dir()]


def put_configuration_in_place(root: Path, pod: PodState) -> list[str]:
    """Put in place what ends no job and needs no other pod; what was done, and what remains for `up`, in lines.

    Images stay as they are.

    :raises EnvsError: the configuration is wrong, or the instance does not become ready with it.
    """
    applied = load_applied(pod.instance, pod.labels)
    if applied is None or not applied.options:
        return []
    desired = prepare(options_of(root, pod, applied))
    secrets = existing_secrets(desired)
    if secrets is None:
        return []
    manifest = with_live(assemble(desired, secrets), mounted(pod))
    images = {item: digest for item, digest in applied.digests.items() if item.kind == IMAGE}
    digests = images | input_digests(manifest, {})
    change = change_of(manifest, applied.digests, digests, [(c.name, True) for c in pod.containers])
    if not change:
        return []
    jobs = running_jobs(pod, change)
    if change.replace or jobs:
        return [*words(pod, change, jobs), "not applied: run `invoke up`"]
    put_in_place(pod, desired, manifest, digests, change, applied.options)
    checks = checks_for(desired.instance, desired.overlay.containers, record_of(desired))
    wait_until_ready(desired.instance, checks)
    return [*words(pod, change, jobs), "the configuration is live"]


def options_of(root: Path, pod: PodState, applied: Applied) -> UpOptions:
    """The options of the `up` that was applied last, as far as they decide what the manifest says."""
    return read_options(
        root,
        env=pod.environment,
        instance=pod.instance.name,
        base="auto",
        repo=(),
        rebuild=False,
        refresh=False,
        yes=False,
        live=False,
        debug=bool(applied.options.get("debug")),
        **{name: applied.options.get(name, "") for name in ("port", "deploy_dir", "direct_port")},
    )
