"""The project's commands: `invoke --list`, `invoke --help TASK`. Each reads its options and calls `brics_envs`.

A task is given `brics_envs.lifecycle.NAME`, the module of its name, and its options; what these mean and their defaults
are in `brics_envs.config.options`.
"""

from pathlib import Path
from typing import Any

from brics_envs.cli import after_dashes, project_task, read_up_options
from brics_envs.config.options import DEFAULT_INSTANCE, parse_token_options
from brics_envs.config.repos import parse_choices
from brics_envs.errors import ConfigError
from brics_envs.plan.names import parse_instance

ROOT = Path(__file__).resolve().parent

BUILD = ("env", "instance", "base", "repo", "rebuild")
RENDER = ("env", "instance", "port", "deploy-dir")
UP = (*BUILD, "port", "deploy-dir", "direct-port", "yes", "live", "debug")


@project_task(*UP)
def up(lifecycle: Any, dry_run: bool, **options: Any) -> None:
    """Bring an environment up: clone, build, start, wait until it is ready. Run it again to apply changes."""
    given = read_up_options(ROOT, options)
    print((lifecycle.dry_run if dry_run else lifecycle.up)(given), flush=True)
    if given.live and not dry_run:
        from brics_envs.lifecycle.watch import watch as watch_instance

        watch_instance(ROOT, given.instance)


@project_task()
def watch(lifecycle: Any, instance: str) -> None:
    """Apply changes of the directories that `up --live` mounted as they are saved, until Ctrl-C."""
    lifecycle.watch(ROOT, parse_instance(instance))


@project_task()
def down(lifecycle: Any, instance: str, all: bool, keep_volumes: bool, force: bool) -> None:
    """Remove what `up` made: pod, containers, volumes, secrets, network and generated files."""
    if all and (instance != DEFAULT_INSTANCE or force):
        raise ConfigError("--all: means every instance of this checkout: give neither --instance nor --force")
    if all:
        print(lifecycle.down_all(ROOT, keep_volumes=keep_volumes))
    else:
        print(lifecycle.down(ROOT, parse_instance(instance), keep_volumes=keep_volumes, force=force))


@project_task(*(option for option in UP if option not in ("live", "debug")))
def service(lifecycle: Any, **options: Any) -> None:
    """Bring an environment up, and write a systemd unit (Quadlet) that starts it at boot."""
    print(lifecycle.service(read_up_options(ROOT, options)))


@project_task()
def smoke(lifecycle: Any, env: str, instance: str, user: str) -> None:
    """Use a running instance as a user would: sign in, start a server, run a cell, stop; prints each step's time."""
    from brics_envs.config.environment import load_environment

    print(lifecycle.smoke(load_environment(ROOT, env), parse_instance(instance), user))


@project_task()
def status(lifecycle: Any, json: bool, instance: str = "") -> None:
    """Show what is up: instances, containers and their health, Slurm's nodes and jobs."""
    statuses = lifecycle.status(ROOT, parse_instance(instance) if instance else None)
    lifecycle.show(statuses, as_json=json)


@project_task()
def logs(lifecycle: Any, container: str, instance: str, follow: bool, tail: str, since: str) -> None:
    """Show the containers' output and the log files in the volumes."""
    show = lifecycle.follow_logs if follow else lambda *which: print(lifecycle.logs(*which))
    show(parse_instance(instance), container, lifecycle.wanted_lines(tail, since))


@project_task()
def shell(lifecycle: Any, user: str, instance: str, container: str = "jupyterhub") -> None:
    """Open an interactive shell in a container."""
    lifecycle.shell(parse_instance(instance), container, user)


@project_task()
def test(lifecycle: Any, repo_name: str, instance: str) -> None:
    """Run a package's own tests in the container where it lives: `-- ARGS` are for pytest."""
    lifecycle.test(parse_instance(instance), repo_name, after_dashes())


@project_task(*RENDER)
def render(lifecycle: Any, show_secrets: bool, **options: Any) -> None:
    """Print an environment's complete manifest to stdout; secrets are redacted."""
    print(lifecycle.render(read_up_options(ROOT, options), show_secrets=show_secrets), end="")


@project_task()
def token(
    lifecycle: Any, user: str, instance: str, project: list[str], expires_in: str, claim: list[str]
) -> None:
    """Print a signed token for X-Auth-Id-Token (dev_realauth with its local issuer)."""
    options = parse_token_options(user, project, expires_in, claim)
    print(lifecycle.token(ROOT, parse_instance(instance), options))


@project_task(*BUILD, "refresh")
def build(lifecycle: Any, **options: Any) -> None:
    """Build an environment's images; with --refresh, take security updates."""
    for container, image in lifecycle.build(read_up_options(ROOT, options)).items():
        print(f"{container}: {image}")


@project_task()
def clone(lifecycle: Any, repo: list[str], update: bool) -> None:
    """Clone the dev repositories into _dev_build_data; those that are there stay, or are updated on demand."""
    choices = parse_choices(repo, Path.cwd())
    for name, directory in lifecycle.clone(ROOT, choices, lifecycle.say, update=update).items():
        print(f"{name}: {directory}")


@project_task(positional=["volume"])
def volume_export(lifecycle: Any, volume: str, to: str) -> None:
    """Copy the contents of a named volume into a directory."""
    print(lifecycle.volume_export(volume, Path(to or volume)))


@project_task()
def backup(lifecycle: Any, instance: str, archive: str, homes: bool) -> None:
    """Save an instance's state (database, secrets, Slurm's state) in a private archive; it may be running."""
    print(lifecycle.backup(ROOT, parse_instance(instance), Path(archive) if archive else None, homes=homes))


@project_task(positional=["archive"])
def restore(lifecycle: Any, archive: str, instance: str) -> None:
    """Restore a backup into an instance that is down, or into a new one."""
    print(lifecycle.restore(ROOT, parse_instance(instance), Path(archive)))


@project_task()
def doctor(lifecycle: Any) -> None:
    """Report what is missing or too old on this machine, and how to fix it; changes nothing."""
    lifecycle.doctor(ROOT)


@project_task()
def clean(lifecycle: Any) -> None:
    """Remove this project's images and build caches; images in use are kept."""
    print(lifecycle.clean(ROOT))
