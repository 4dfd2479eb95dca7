"""The project's commands: `invoke --list`, `invoke --help TASK`. Each reads its options and calls `brics_envs`."""

import json
from pathlib import Path

from invoke import Context, task
from rich.console import Console

from brics_envs.cli import command
from brics_envs.config.environment import load_environment
from brics_envs.config.options import DEFAULT_PORT, parse_base, parse_port
from brics_envs.config.repos import parse_choices
from brics_envs.plan.names import DEFAULT_INSTANCE, parse_instance

ROOT = Path(__file__).resolve().parent

HELP = {
    "env": "environment: a directory of k8s/overlays, such as dev_dummyauth",
    "instance": "name of a further copy beside the default one",
    "port": "sign-in port on 127.0.0.1 (default 8000)",
    "base": "base images: auto (registry if it can be reached, else local), registry or local",
    "repo": "dev repository as NAME=URL_OR_PATH[@REF] or NAME=builtin; may be repeated",
    "deploy-dir": "directory with the deploy.yaml, and the keys, of a deployment",
    "direct-port": "dev_realauth: publish JupyterHub's own port too, without the proxy, on 127.0.0.1",
    "rebuild": "build every image stage anew, without cache",
    "dry-run": "show what would be done, and do nothing",
    "container": "container of the pod: jupyterhub, slurm …",
}


def options(*names, **more):
    """Arguments of @task: no positional parameters, and the help of these options."""
    return {"positional": [], "help": {name: HELP[name] for name in names} | more}


def up_options(env, instance, port="", base="auto", repo=(), deploy_dir="", direct_port="", rebuild=False):
    """The options of `up`, read and checked."""
    from brics_envs.lifecycle.up import UpOptions

    return UpOptions(
        environment=load_environment(ROOT, env),
        instance=parse_instance(instance),
        port=parse_port("--port", port or str(DEFAULT_PORT)),
        base=parse_base(base),
        repos=parse_choices(repo, Path.cwd()),
        deploy_dir=Path(deploy_dir) if deploy_dir else None,
        direct_port=parse_port("--direct-port", direct_port) if direct_port else None,
        rebuild=rebuild,
    )


@task(
    iterable=["repo"],
    **options("env", "instance", "port", "base", "repo", "deploy-dir", "direct-port", "rebuild", "dry-run"),
)
@command
def up(
    c: Context,
    env="",
    instance=DEFAULT_INSTANCE,
    port="",
    base="auto",
    repo=(),
    deploy_dir="",
    direct_port="",
    rebuild=False,
    dry_run=False,
):
    """Clone, build, render, play and wait until an environment is ready; again, to apply changes."""
    from brics_envs.lifecycle import up as lifecycle

    chosen = up_options(env, instance, port, base, repo, deploy_dir, direct_port, rebuild)
    print(lifecycle.dry_run(chosen) if dry_run else lifecycle.up(chosen))


@task(**options("instance", all="every instance", **{"keep-volumes": "keep the named volumes and _build/NAME"}))
@command
def down(c: Context, instance=DEFAULT_INSTANCE, all=False, keep_volumes=False):
    """Remove what `up` made: pod, containers, volumes, secrets, network and generated files."""
    from brics_envs.lifecycle import down as lifecycle

    if all:
        print(lifecycle.down_all(ROOT, keep_volumes=keep_volumes))
    else:
        print(lifecycle.down(ROOT, parse_instance(instance), keep_volumes=keep_volumes))


@task(**options("instance", json="as JSON"))
@command
def status(c: Context, instance="", json=False):
    """Show what is up: instances, containers and their health, Slurm's nodes and jobs."""
    from brics_envs.lifecycle import status as lifecycle

    statuses = lifecycle.status(ROOT, parse_instance(instance) if instance else None)
    if json:
        print_json(lifecycle.as_json(statuses))
    else:
        Console(soft_wrap=True, highlight=False).print(lifecycle.as_table(statuses))


def print_json(value):
    """Print a value as indented JSON. (The task's own parameter hides the module.)"""
    print(json.dumps(value, indent=2))


@task(**options("container", "instance", follow="show new output as it comes, until Ctrl-C"))
@command
def logs(c: Context, container="", instance=DEFAULT_INSTANCE, follow=False):
    """Show the containers' output and the log files of the volumes."""
    from brics_envs.lifecycle import look

    if follow:
        look.follow_logs(parse_instance(instance), container)
    print(look.logs(parse_instance(instance), container))


@task(**options("container", "instance", user="user in the container, such as testuser.project1"))
@command
def shell(c: Context, container="jupyterhub", user="", instance=DEFAULT_INSTANCE):
    """Open an interactive shell in a container."""
    from brics_envs.lifecycle import look

    look.shell(parse_instance(instance), container, user)


@task(
    **options(
        "env",
        "instance",
        "port",
        "deploy-dir",
        **{"show-secrets": "show the secrets of _build/NAME, if there are any, instead of markers"},
    )
)
@command
def render(c: Context, env="", instance=DEFAULT_INSTANCE, port="", deploy_dir="", show_secrets=False):
    """Print an environment's complete manifest; writes nothing."""
    from brics_envs.lifecycle import look
    from brics_envs.lifecycle.up import prepare_options

    prepared = prepare_options(up_options(env, instance, port, deploy_dir=deploy_dir))
    print(look.render(prepared, show_secrets=show_secrets), end="")


@task(iterable=["repo"], **options("env", "instance", "base", "repo", "rebuild"))
@command
def build(c: Context, env="", instance=DEFAULT_INSTANCE, base="auto", repo=(), rebuild=False):
    """Build an environment's images."""
    from brics_envs.lifecycle.up import build_images

    for container, image in build_images(up_options(env, instance, base=base, repo=repo, rebuild=rebuild)).items():
        print(f"{container}: {image}")


@task(iterable=["repo"], **options("repo"))
@command
def clone(c: Context, repo=()):
    """Clone the dev repositories into _dev_build_data; those that are there stay as they are."""
    from brics_envs.lifecycle.clone import clone_repositories

    print(clone_repositories(ROOT, parse_choices(repo, Path.cwd())))


@task(
    **options(volume="name of a volume, such as jupyterhub_root", to="directory (default: the volume's name)")
    | {"positional": ["volume"]}
)
@command
def volume_export(c: Context, volume="", to=""):
    """Copy the contents of a named volume into a directory."""
    from brics_envs.lifecycle import look

    print(look.volume_export(volume, Path(to or volume)))


@task(**options())
@command
def doctor(c: Context):
    """Tell what this machine lacks or has too old, and how to mend it; changes nothing."""
    from brics_envs.lifecycle.doctor import doctor as examine

    examine(ROOT)


@task(**options())
@command
def clean(c: Context):
    """Remove this project's images and build caches."""
    from brics_envs.lifecycle.build import remove_images

    print(remove_images())
