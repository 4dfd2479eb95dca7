"""``invoke up``: read, observe, decide, act, look again. May import: everything but cli."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pykustomize
from brics_envs.config.environment import Environment
from brics_envs.config.options import Base
from brics_envs.config.repos import RepoChoice
from brics_envs.effects.files import locked, write_private
from brics_envs.effects.podman import require_podman
from brics_envs.effects.ports import taken
from brics_envs.errors import ConfigError, EnvsError
from brics_envs.lifecycle.build import ensure_images, preview_images
from brics_envs.lifecycle.clone import check_repositories, ensure_repositories, preview_repositories
from brics_envs.lifecycle.existing import carry_out, existing
from brics_envs.lifecycle.instance_files import (
    MANIFEST,
    PASSWORD,
    Applied,
    load_applied,
    load_secrets,
    make_secrets,
    save_applied,
)
from brics_envs.lifecycle.observe import PodState, observe_pod
from brics_envs.lifecycle.prepare import Prepared, prepare
from brics_envs.lifecycle.ready import checks_for, wait_until_ready
from brics_envs.lifecycle.report import say, step
from brics_envs.plan.apply import Existing, Step, up_steps
from brics_envs.plan.images import ImageRequest, RepoSnapshot, repositories_of
from brics_envs.plan.manifest import (
    HIDDEN,
    LABEL_INPUTS,
    Document,
    Endpoint,
    InstanceSecrets,
    changed_inputs,
    input_digests,
    inputs_label,
    loopback_url,
    the_pod,
    with_inputs_label,
)
from brics_envs.plan.names import Instance
from brics_envs.plan.volumes import VOLUMES, volume_tar

LOCK_DEADLINE_S = 5.0
"""Seconds to wait for another command that works on the same instance."""


@dataclass(frozen=True)
class UpOptions:
    """The options of ``invoke up``, read and checked."""

    environment: Environment
    instance: Instance
    port: int
    base: Base
    repos: tuple[RepoChoice, ...]
    deploy_dir: Path | None
    direct_port: int | None
    rebuild: bool


def up(options: UpOptions) -> str:
    """Bring an instance up, or make it what its inputs now say; returns what to tell the user.

    :raises EnvsError: with exit status 2 before anything was created, 1 for what failed afterwards.
    """
    prepared = _checked(options)
    _refuse_missing_keys(prepared)
    _observe_pod(options, prepared)
    with locked(prepared.directory / "lock", LOCK_DEADLINE_S):
        # Once more: another command may have held the lock, and changed what there is.
        pod = _observe_pod(options, prepared)
        image_ids = build(options, prepared)
        make_secrets(prepared.directory, prepared.generated)
        secrets = _secrets(prepared)
        assert secrets is not None
        manifest = prepared.manifest(secrets)
        applied = _applied(prepared, input_digests(manifest, image_ids))
        if pod is None or not _is_current(pod, applied, prepared):
            _replace(prepared, manifest, applied)
        elif load_applied(prepared.directory) != applied:
            save_applied(prepared.directory, applied)
        return _summary(prepared, applied)


def prepare_options(options: UpOptions) -> Prepared:
    """Read and check what the options name.

    :raises ConfigError: a problem of a file, or an option that the environment does not have.
    """
    return prepare(
        options.environment, options.instance, options.port, options.direct_port, options.deploy_dir
    )


def _checked(options: UpOptions) -> Prepared:
    """All that can be refused before anything is created."""
    prepared = prepare_options(options)
    prepared.manifest(HIDDEN)
    check_repositories(options.environment.root, options.repos)
    require_podman()
    return prepared


def _refuse_missing_keys(prepared: Prepared) -> None:
    if prepared.keys is None:
        raise ConfigError(
            f"--deploy-dir: {prepared.environment.name} needs one",
            hint=f"a directory with deploy.yaml, {', '.join(prepared.needed_files)}",
        )


def _secrets(prepared: Prepared) -> InstanceSecrets | None:
    return load_secrets(prepared.directory, prepared.generated, prepared.password, prepared.keys)


def build_images(options: UpOptions) -> dict[str, str]:
    """``invoke build``: the images of an environment; returns container → image ID."""
    prepared = _checked(options)
    with locked(prepared.directory / "lock", LOCK_DEADLINE_S):
        return build(options, prepared)


def build(options: UpOptions, prepared: Prepared) -> dict[str, str]:
    """Get the repositories and build the images of an environment; returns container → image ID."""
    needed = repositories_of(prepared.built_images)
    for choice in options.repos:
        if choice.name not in needed:
            say(f"--repo {choice.name}: not needed, since no image of {prepared.environment.name} holds it")
    with step("repositories"):
        repos = ensure_repositories(
            options.environment.root,
            options.repos,
            prepared.directory,
            not prepared.strict,
            say,
            needed,
        )
    with step("images"):
        return ensure_images(_image_request(options, prepared, repos), say)


def _image_request(options: UpOptions, prepared: Prepared, repos: Mapping[str, RepoSnapshot]) -> ImageRequest:
    return ImageRequest(
        project_root=options.environment.root,
        images=prepared.built_images,
        stage=prepared.stage,
        tag_suffix=options.instance.image_tag(prepared.stage),
        base=options.base,
        repos=repos,
        rebuild=options.rebuild,
        allow_local=not prepared.strict or options.base == "local",
        pulled=prepared.images,
    )


def _observe_pod(options: UpOptions, prepared: Prepared) -> PodState | None:
    """The instance's pod, if there is one.

    :raises EnvsError: it is another environment's, or a port is taken.
    """
    pod = observe_pod(options.instance)
    _refuse_other_environment(pod, options)
    _refuse_taken_ports(pod, prepared)
    return pod


def _refuse_other_environment(pod: PodState | None, options: UpOptions) -> None:
    if pod is not None and pod.environment != options.environment.name:
        option = f" --instance {options.instance.name}" if options.instance != Instance() else ""
        raise ConfigError(
            f"instance {options.instance.name} runs environment {pod.environment}, not {options.environment.name}",
            hint=f"`invoke down{option}` first, or choose another --instance NAME (and --port)",
        )


def _refuse_taken_ports(pod: PodState | None, prepared: Prepared) -> None:
    own = pod.ports if pod is not None else frozenset()
    for address, port in prepared.ports.published:
        if port not in own and (reason := taken(address, port)):
            if Endpoint(address, port) == prepared.ports.hub_api:
                raise ConfigError(
                    f"hubConnectUrl: port {port} of {address} cannot be used: {reason}",
                    hint="it names an address of this machine and a free port, on which the hub's API is published",
                )
            raise EnvsError(
                f"port {port} of {address} is taken: {reason}",
                hint="choose others with --port N and --direct-port N; `invoke status` shows what runs",
            )


def _is_current(pod: PodState, now: Applied, prepared: Prepared) -> bool:
    """Whether what runs is what the inputs say; says why if not."""
    if pod.labels.get(LABEL_INPUTS) == inputs_label(now.digests):
        if pod.running:
            return True
        say(f"pod {pod.name} is not running: starting it anew")
        return False
    before = load_applied(prepared.directory)
    changed = changed_inputs(before.digests, now.digests) if before else ["its record in _build"]
    say(f"changed: {', '.join(changed) or 'the pod'}")
    say("replacing the pod; running jobs end")
    return False


def _replace(prepared: Prepared, manifest: list[Document], applied: Applied) -> None:
    file = prepared.directory / MANIFEST
    write_private(file, pykustomize.dump(with_inputs_label(manifest, applied.digests)).encode())
    save_applied(prepared.directory, applied)
    carry_out(_steps(prepared, manifest, existing()))


def _steps(prepared: Prepared, manifest: list[Document], there: Existing) -> list[Step]:
    archives = {name: volume_tar(directories) for name, directories in VOLUMES.items()}
    return up_steps(prepared.instance, manifest, prepared.directory / MANIFEST, archives, there)


def _applied(prepared: Prepared, digests: dict[str, str]) -> Applied:
    return Applied(
        environment=prepared.environment.name,
        url=prepared.url,
        base_url=prepared.base_url,
        issuer=prepared.issuer_url,
        account=prepared.dev_users[0].account if prepared.dev_users else "",
        slurm_host=prepared.settings.sshHostname,
        wrappers=prepared.settings.slurmSpawnerWrappersBin,
        digests=digests,
    )


def _summary(prepared: Prepared, applied: Applied) -> str:
    containers = {container["name"] for container in the_pod(prepared.documents)["spec"]["containers"]}
    with step("ready"):
        wait_until_ready(prepared.instance, checks_for(prepared.instance, containers, applied))
    lines = [f"JupyterHub is ready: {prepared.url or 'users come through its Zenith tunnel'}"]
    if prepared.refers_to("Secret", "deploy-secret"):
        names = ", ".join(dict.fromkeys(user.user for user in prepared.dev_users))
        lines.append(f"sign in as {names}, with {_password_words(prepared)}")
    if prepared.ports.direct is not None:
        lines.append(
            f"past the proxy: {loopback_url(prepared.ports.direct)}{prepared.settings.baseUrl}; whoever reaches this "
            "port signs in with a token in X-Auth-Id-Token (`invoke token`)"
        )
    if prepared.awaits_tokens:
        lines.append(f"sign-in needs a token of {prepared.settings.oidcServer} in X-Auth-Id-Token")
    return "\n".join(lines)


def _password_words(prepared: Prepared) -> str:
    file = prepared.directory / PASSWORD
    if prepared.password:
        return "the dummyAuthPassword of the deployment settings"
    return f"password {file.read_text()} (it is in {file.relative_to(prepared.environment.root)})"


def dry_run(options: UpOptions) -> str:
    """What :func:`up` would do, as text; creates nothing."""
    prepared = _checked(options)
    _refuse_missing_keys(prepared)
    pod = _observe_pod(options, prepared)
    manifest = prepared.manifest(_secrets(prepared) or HIDDEN)
    lines, repos = preview_repositories(
        options.environment.root,
        options.repos,
        prepared.directory,
        not prepared.strict,
        repositories_of(prepared.built_images),
    )
    lines += preview_images(_image_request(options, prepared, repos))
    if pod is not None:
        lines.append("if any input differs from what runs:")
    lines += [str(planned) for planned in _steps(prepared, manifest, existing())]
    return "\n".join([*lines, "wait until it is ready"])
