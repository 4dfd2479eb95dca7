"""The project's commands: `invoke --list`, `invoke --help TASK`. Each reads its options and calls `brics_envs`."""

import json as json_format
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from invoke.context import Context
from invoke.tasks import task
from rich.console import Console

from brics_envs.cli import command
from brics_envs.config.environment import load_environment
from brics_envs.config.options import DEFAULT_PORT, parse_base, parse_port
from brics_envs.config.repos import parse_choices
from brics_envs.errors import ConfigError
from brics_envs.plan.names import DEFAULT_INSTANCE, parse_instance

if TYPE_CHECKING:
    from brics_envs.lifecycle.up import UpOptions

ROOT = Path(__file__).resolve().parent

Repeated: TypeAlias = Sequence[str] | None
"""Values of an option that may be repeated. The default has to be None: invoke would make any other's type of them."""

HELP = {
    "all": "every instance",
    "base": "base images: auto (of the registry if it can be reached, else local), registry or local",
    "claim": "a further claim as KEY=VALUE, VALUE as JSON or a string; may be repeated",
    "container": "container of the pod: jupyterhub, slurm …",
    "deploy-dir": "directory with the deploy.yaml, and the keys, of a deployment",
    "direct-port": "dev_realauth: publish JupyterHub's own port too, past the proxy, on 127.0.0.1",
    "dry-run": "show what would be done, and do nothing",
    "env": "environment: a directory of config, such as dev_dummyauth",
    "expires-in": "seconds until it expires (default 3600); negative: it has expired",
    "follow": "show new output as it comes, until Ctrl-C",
    "instance": "name of a further copy beside the default one",
    "json": "as JSON",
    "keep-volumes": "keep the named volumes and _build/NAME",
    "port": f"sign-in port on 127.0.0.1 (default {DEFAULT_PORT})",
    "project": "a project instead of those of dev_users; may be repeated",
    "rebuild": "build every image stage anew, without cache",
    "repo": "dev repository as NAME=URL_OR_PATH[@REF] or NAME=builtin; may be repeated",
    "show-secrets": "show the secrets of _build/NAME, if there are any, instead of markers",
    "to": "directory to make (default: the volume's name)",
    "user": "user in the container, such as testuser.project1",
    "volume": "name of a volume, such as jupyterhub_root",
}


def project_task(*options: str, positional: Sequence[str] = ()) -> Callable[[Callable[..., None]], Any]:
    """Make a function a task with these options, whose errors are messages for users."""

    def decorate(function: Callable[..., None]) -> Any:
        return task(
            command(function),
            positional=list(positional),
            iterable=[option for option in ("repo", "project", "claim") if option in options],
            help={option: HELP[option] for option in options},
        )

    return decorate


def up_options(
    env: str,
    instance: str,
    port: str = "",
    base: str = "auto",
    repo: Repeated = None,
    deploy_dir: str = "",
    direct_port: str = "",
    rebuild: bool = False,
) -> "UpOptions":
    """The options of `up`, read and checked."""
    from brics_envs.lifecycle.up import UpOptions

    return UpOptions(
        environment=load_environment(ROOT, env),
        instance=parse_instance(instance),
        port=parse_port("--port", port or str(DEFAULT_PORT)),
        base=parse_base(base),
        repos=parse_choices(repo or (), Path.cwd()),
        deploy_dir=Path(deploy_dir) if deploy_dir else None,
        direct_port=parse_port("--direct-port", direct_port) if direct_port else None,
        rebuild=rebuild,
    )


@project_task("env", "instance", "port", "base", "repo", "deploy-dir", "direct-port", "rebuild", "dry-run")
def up(
    c: Context,
    env: str = "",
    instance: str = DEFAULT_INSTANCE,
    port: str = "",
    base: str = "auto",
    repo: Repeated = None,
    deploy_dir: str = "",
    direct_port: str = "",
    rebuild: bool = False,
    dry_run: bool = False,
) -> None:
    """Clone, build, render, play and wait until an environment is ready; again, to apply changes."""
    from brics_envs.lifecycle import up as lifecycle

    options = up_options(env, instance, port, base, repo, deploy_dir, direct_port, rebuild)
    print(lifecycle.dry_run(options) if dry_run else lifecycle.up(options))


@project_task("instance", "all", "keep-volumes")
def down(c: Context, instance: str = DEFAULT_INSTANCE, all: bool = False, keep_volumes: bool = False) -> None:
    """Remove what `up` made: pod, containers, volumes, secrets, network and generated files."""
    from brics_envs.lifecycle import down as lifecycle

    if all and instance != DEFAULT_INSTANCE:
        raise ConfigError("--all: means every instance, so that --instance has no place beside it")
    if all:
        print(lifecycle.down_all(ROOT, keep_volumes=keep_volumes))
    else:
        print(lifecycle.down(ROOT, parse_instance(instance), keep_volumes=keep_volumes))


@project_task("instance", "json")
def status(c: Context, instance: str = "", json: bool = False) -> None:
    """Show what is up: instances, containers and their health, Slurm's nodes and jobs."""
    from brics_envs.lifecycle import status as lifecycle

    statuses = lifecycle.status(ROOT, parse_instance(instance) if instance else None)
    if json:
        print(json_format.dumps(lifecycle.as_json(statuses), indent=2))
    else:
        Console(soft_wrap=True, highlight=False).print(lifecycle.as_table(statuses))


@project_task("container", "instance", "follow")
def logs(c: Context, container: str = "", instance: str = DEFAULT_INSTANCE, follow: bool = False) -> None:
    """Show the containers' output and the log files of the volumes."""
    from brics_envs.lifecycle import look

    if follow:
        look.follow_logs(parse_instance(instance), container)
    else:
        print(look.logs(parse_instance(instance), container))


@project_task("container", "user", "instance")
def shell(
    c: Context, container: str = "jupyterhub", user: str = "", instance: str = DEFAULT_INSTANCE
) -> None:
    """Open an interactive shell in a container."""
    from brics_envs.lifecycle import look

    look.shell(parse_instance(instance), container, user)


@project_task("env", "instance", "port", "deploy-dir", "show-secrets")
def render(
    c: Context,
    env: str = "",
    instance: str = DEFAULT_INSTANCE,
    port: str = "",
    deploy_dir: str = "",
    show_secrets: bool = False,
) -> None:
    """Print an environment's complete manifest; writes nothing."""
    from brics_envs.lifecycle import look
    from brics_envs.lifecycle.up import prepare_options

    prepared = prepare_options(up_options(env, instance, port, deploy_dir=deploy_dir))
    print(look.render(prepared, show_secrets=show_secrets), end="")


@project_task("user", "instance", "project", "expires-in", "claim")
def token(
    c: Context,
    user: str = "",
    instance: str = DEFAULT_INSTANCE,
    project: Repeated = None,
    expires_in: str = "3600",
    claim: Repeated = None,
) -> None:
    """Print a signed token for X-Auth-Id-Token (dev_realauth with its local issuer)."""
    from brics_envs.config.options import parse_token_options
    from brics_envs.lifecycle import token as lifecycle

    options = parse_token_options(user, project or (), expires_in, claim or ())
    print(lifecycle.token(ROOT, parse_instance(instance), options))


@project_task("env", "instance", "base", "repo", "rebuild")
def build(
    c: Context,
    env: str = "",
    instance: str = DEFAULT_INSTANCE,
    base: str = "auto",
    repo: Repeated = None,
    rebuild: bool = False,
) -> None:
    """Build an environment's images."""
    from brics_envs.lifecycle.up import build_images

    options = up_options(env, instance, base=base, repo=repo, rebuild=rebuild)
    for container, image in build_images(options).items():
        print(f"{container}: {image}")


@project_task("repo")
def clone(c: Context, repo: Repeated = None) -> None:
    """Clone the dev repositories into _dev_build_data; those that are there stay as they are."""
    from brics_envs.lifecycle.clone import clone_repositories
    from brics_envs.lifecycle.report import say

    for name, directory in clone_repositories(ROOT, parse_choices(repo or (), Path.cwd()), say).items():
        print(f"{name}: {directory}")


@project_task("volume", "to", positional=["volume"])
def volume_export(c: Context, volume: str, to: str = "") -> None:
    """Copy the contents of a named volume into a directory."""
    from brics_envs.lifecycle import look

    print(look.volume_export(volume, Path(to or volume)))


@project_task()
def doctor(c: Context) -> None:
    """Tell what this machine lacks or has too old, and how to mend it; changes nothing."""
    from brics_envs.lifecycle.doctor import doctor as examine

    examine(ROOT)


@project_task()
def clean(c: Context) -> None:
    """Remove this project's images and build caches; what runs keeps its own."""
    from brics_envs.lifecycle.clean import clean as remove_images

    print(remove_images())
