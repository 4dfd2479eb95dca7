"""``invoke up``: read, observe, decide, act, look again. May import: everything but cli."""

from __future__ import annotations

import dataclasses

from brics_envs.config.setting_types import MIN_PASSWORD_LENGTH
from brics_envs.effects.checkouts import ensure_checkout, instance_lock
from brics_envs.effects.podman import is_remote, require_podman
from brics_envs.effects.ports import taken
from brics_envs.errors import ConfigError, EnvsError
from brics_envs.lifecycle.applied import MANIFEST, Applied, has_files, refuse_half_restored, save_applied
from brics_envs.lifecycle.apply import apply
from brics_envs.lifecycle.build import choose, get_images, image_request
from brics_envs.lifecycle.changes import (
    agree,
    keep_manifest,
    observe_change,
    put_in_place,
    running_jobs,
    words,
)
from brics_envs.lifecycle.images import plan
from brics_envs.lifecycle.instance_secrets import ensure_secrets, existing_secrets
from brics_envs.lifecycle.inventory import observe_inventory
from brics_envs.lifecycle.live import built_for_live, live_of, refuse_live_in_production
from brics_envs.lifecycle.observe import PodState, observe_pod
from brics_envs.lifecycle.preflight import check_machine
from brics_envs.lifecycle.prepare import UpOptions, prepare, refuse_missing_deploy_dir
from brics_envs.lifecycle.ready import checks_for, wait_until_ready
from brics_envs.lifecycle.report import step
from brics_envs.lifecycle.repositories import check_repositories, preview_repositories
from brics_envs.lifecycle.sources import save_running_sources
from brics_envs.lifecycle.units import refuse_running_service
from brics_envs.lifecycle.warnings import warn
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.digests import Digests, input_digests, inputs_label
from brics_envs.plan.in_place import in_place_steps
from brics_envs.plan.live import with_live
from brics_envs.plan.manifest import assemble
from brics_envs.plan.names import LABEL_CHECKOUT, Instance
from brics_envs.plan.overlay import Document, the_pod
from brics_envs.plan.ownership import Existing, refuse_foreign, refuse_other_checkout
from brics_envs.plan.ports import ISSUER_OFFSET, LOOPBACK, Endpoint, Ports, loopback_url, port_of
from brics_envs.plan.record import record_of
from brics_envs.plan.secrets import HIDDEN, PASSWORD
from brics_envs.plan.sources import with_sources
from brics_envs.plan.steps import Step, up_steps, wanted_names
from brics_envs.plan.volumes import VOLUMES, volume_tar


def up(options: UpOptions) -> str:
    """Bring an instance up, or make it what its inputs now say; returns what to tell the user.

    :raises EnvsError: with exit status 2 before anything was created, 1 for what failed afterwards.
    """
    desired = prepare_up(options)
    observe_own_pod(desired)
    with instance_lock(desired.instance):
        # Once more: another command may have held the lock, and changed what there is.
        pod = observe_own_pod(desired)
        desired = dataclasses.replace(desired, checkout=ensure_checkout(desired.environment.root))
        images = get_images(options, desired)
        manifest = with_live(assemble(desired, ensure_secrets(desired)), images.live)
        digests = input_digests(manifest, images.ids)
        manifest = with_sources(manifest, images.sources)
        make_equal(options, pod, desired, manifest, digests)
        save_running_sources(desired.directory, images.sources)
        with step("ready"):
            record = record_of(desired)
            checks = checks_for(desired.instance, desired.overlay.containers, record)
            wait_until_ready(desired.instance, checks)
    return summary(desired)


def dry_run(options: UpOptions) -> str:
    """What :func:`up` would do, as text; creates nothing."""
    desired = prepare_up(options)
    pod = observe_own_pod(desired)
    chosen = choose(options, desired)
    live = live_of(chosen.live)
    manifest = with_live(assemble(desired, existing_secrets(desired) or HIDDEN), live)
    lines, repos = preview_repositories(chosen.decisions, desired.directory)
    images = plan(image_request(options, desired, chosen.now, built_for_live(repos, live)))
    lines = [*chosen.lines, *lines, *map(str, images.decisions)]
    steps = steps_for(desired, manifest)
    if pod is not None:
        change = observe_change(pod, manifest, input_digests(manifest, images.ids))
        if not change:
            return "\n".join([*lines, f"pod {pod.name} is up to date: nothing to do"])
        lines += words(pod, change, running_jobs(pod, change))
        if not change.replace:
            steps = in_place_steps(pod.instance, desired.checkout, manifest, change)
    lines += [str(planned) for planned in steps]
    return "\n".join([*lines, "wait until it is ready"])


def prepare_up(options: UpOptions) -> DesiredState:
    """Read and check all that can be refused before anything is created.

    :raises EnvsError: a problem of a file or an option, or podman is missing or too old.
    """
    desired = prepare(options)
    refuse_live_in_production(options, desired)
    check_repositories(options.environment.root, options.repos)
    require_podman()
    check_machine(desired)
    refuse_missing_deploy_dir(desired)
    refuse_half_restored(desired.directory)
    warn(desired)
    return desired


def observe_own_pod(desired: DesiredState) -> PodState | None:
    """The instance's pod, if there is one.

    :raises EnvsError: it is another checkout's or another environment's, something else has a name that is needed,
        or a port is taken.
    """
    pod = observe_pod(desired.instance)
    if pod is None or pod.labels.get(LABEL_CHECKOUT) != desired.checkout.id:
        observe_free_names(desired, assemble(desired, HIDDEN))
    _refuse_other_environment(pod, desired)
    _refuse_taken_ports(pod, desired)
    return pod


def observe_free_names(desired: DesiredState, manifest: list[Document]) -> Existing:
    """The instance's own things.

    :raises ConfigError: something of another checkout or of somebody else has a name that the manifest needs.
    """
    inventory = observe_inventory(
        desired.instance, desired.checkout, adopts_unmarked=has_files(desired.directory)
    )
    refuse_other_checkout(inventory)
    refuse_foreign(inventory, wanted_names(desired.instance, manifest))
    return inventory.own


def _refuse_other_environment(pod: PodState | None, desired: DesiredState) -> None:
    instance, wanted = desired.instance, desired.environment.name
    if pod is not None and pod.environment != wanted:
        option = f" --instance {instance.name}" if instance != Instance() else ""
        raise ConfigError(
            f"instance {instance.name} runs environment {pod.environment}, not {wanted}",
            hint=f"`invoke down{option}` first, or choose another --instance NAME (and --port)",
        )


def _option_of(ports: Ports, port: int) -> str:
    """The option that chooses a published port."""
    if port == ports.direct:
        return "--direct-port N"
    return f"--port N (the issuer's port is N + {ISSUER_OFFSET})" if port == ports.issuer else "--port N"


def _refuse_taken_ports(pod: PodState | None, desired: DesiredState) -> None:
    if is_remote():
        return  # nothing is known of that machine's ports; podman says it
    own = pod.ports if pod is not None else frozenset()
    for address, port in desired.ports.published:
        if port not in own and (reason := taken(address, port)):
            if Endpoint(address, port) == desired.ports.hub_api:
                raise ConfigError(
                    f"hubConnectUrl: port {port} of {address} cannot be used: {reason}",
                    hint="it names an address of this machine and a free port, on which the hub's API is published",
                )
            raise EnvsError(
                f"port {port} of {address} is taken: {reason}",
                hint=f"choose another with {_option_of(desired.ports, port)}; `invoke status` shows what runs",
            )


def make_equal(
    options: UpOptions,
    pod: PodState | None,
    desired: DesiredState,
    manifest: list[Document],
    digests: Digests,
) -> None:
    """Do the least that makes what runs equal to the manifest."""
    if pod is None:
        replace(options, desired, manifest, digests)
    elif change := observe_change(pod, manifest, digests):
        agree(pod, change, yes=options.yes)
        if change.replace:
            replace(options, desired, manifest, digests)
        else:
            put_in_place(pod, desired, manifest, digests, change, options.of_manifest)


def replace(options: UpOptions, desired: DesiredState, manifest: list[Document], digests: Digests) -> None:
    """Put the manifest in the place of what runs."""
    refuse_running_service(desired.instance, "`invoke up`, and start it again")
    steps = steps_for(desired, manifest)
    keep_manifest(desired, manifest, digests)
    applied = Applied(inputs_label(digests), digests, record_of(desired), options.of_manifest)
    save_applied(desired.instance, applied)
    apply(steps)


def steps_for(desired: DesiredState, manifest: list[Document]) -> list[Step]:
    """The steps that put the manifest in the place of what runs.

    :raises ConfigError: as :func:`observe_free_names`.
    """
    archives = {name: volume_tar(directories) for name, directories in VOLUMES.items()}
    return up_steps(
        desired.instance,
        desired.checkout,
        manifest,
        desired.directory / MANIFEST,
        archives,
        observe_free_names(desired, manifest),
        the_pod(manifest)["spec"]["containers"][0]["image"] if is_remote() else "",
    )


def summary(desired: DesiredState) -> str:
    """What to tell the user of an instance that is ready: where it is, and how to sign in."""
    tunnel = f"users come through its {desired.overlay.tunnel} tunnel"
    lines = [f"JupyterHub is ready: {desired.url or tunnel}"]
    if desired.is_forwarded:
        lines.append(f"publicUrl: forward both ports, as with {_forwarding(desired)}")
    if desired.overlay.refers_to("Secret", "deploy-secret"):
        names = ", ".join(dict.fromkeys(user.user for user in desired.dev_users))
        lines.append(f"sign in as {names}, with {_password_words(desired)}")
    if desired.ports.direct is not None:
        lines.append(
            f"with tokens: {loopback_url(desired.ports.direct)}{desired.settings.baseUrl}; whoever reaches this "
            "port signs in with a token in X-Auth-Id-Token (`invoke token`)"
        )
    if desired.ports.debug is not None:
        lines.append(
            f"debugger: 127.0.0.1:{desired.ports.debug}; whoever reaches this port runs code as the hub "
            "(docs/develop.md has editors' settings)"
        )
    if desired.awaits_tokens:
        lines.append(f"sign-in needs a token of {desired.settings.oidcServer} in X-Auth-Id-Token")
    return "\n".join(lines)


def _forwarding(desired: DesiredState) -> str:
    """What brings the public URL, and the issuer's, from another machine to this one's ports."""
    ends = ((desired.public_url, desired.ports.http), (desired.issuer_url, desired.ports.issuer))
    return "ssh" + "".join(f" -L {port_of(url)}:{LOOPBACK}:{port}" for url, port in ends) + " THIS_MACHINE"


def _password_words(desired: DesiredState) -> str:
    if desired.password:
        words = "the dummyAuthPassword of the deployment settings"
        if desired.settings.has_short_password:
            words += (
                f" (fewer than {MIN_PASSWORD_LENGTH} characters: other users of this machine could guess it)"
            )
        return words
    file = desired.directory / PASSWORD
    return f"password {file.read_text()} (it is in {file.relative_to(desired.environment.root)})"
