#!/usr/bin/env python3
"""Prepares the Slurm container from what is mounted into it, then becomes the supervisor of its daemons.

It runs at every start of the container, needs the standard library of Python 3.10 alone, and keeps nothing of its
own: what it writes outside the volumes follows from the ConfigMaps and Secrets below /etc/brics and from the
homes below /home. Installed as /usr/local/sbin/slurm-entrypoint.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BRICS = Path("/etc/brics")
HOME = Path("/home")
LOG = Path("/var/log/slurm")
SERVICES = Path("/usr/local/share/brics-slurm/services")
SCAN = Path("/run/service")

GROUP = "jupyterusers"
SPAWNER = "jupyterspawner"
FIRST_UID = 20000
"""The lowest user and group ID that users get; everything from here on is theirs."""

WRAPPERS = ("slurmspawner_sbatch", "slurmspawner_squeue", "slurmspawner_scancel")
JOB_ID = "SLURMSPAWNER_JOB_ID"
GPUS = 4
USER = re.compile(r"[a-z_][a-z0-9_-]*\.[a-z_][a-z0-9_-]*")
SAFE_PATH = re.compile(r"/[A-Za-z0-9._/-]+")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


class SetupError(Exception):
    """The container cannot start as it is configured; the message says why."""


@dataclass(frozen=True)
class Account:
    """A user of dev_users and the number that is both his user ID and his group's ID."""

    name: str
    uid: int

    @property
    def home(self) -> Path:
        """``/home/PROJECT/USER.PROJECT``."""
        return HOME / self.name.split(".")[1] / self.name


# --- What to write: pure functions.


def account_names(users: Mapping[str, Mapping[str, Mapping[str, str]]]) -> list[str]:
    """The ``USER.PROJECT`` names of dev_users, sorted, each once.

    :param users: ``{"USER": {"PROJECT.brics": {"name": …, "username": "USER.PROJECT"}}}``
    :raises SetupError: one that is no such name.
    """
    names = {project["username"] for projects in users.values() for project in projects.values()}
    if wrong := sorted(name for name in names if not USER.fullmatch(name)):
        raise SetupError(f"dev_users: not of the form USER.PROJECT: {', '.join(map(repr, wrong))}")
    return sorted(names)


def assign_uids(names: Iterable[str], recorded: Mapping[str, int]) -> list[Account]:
    """Give every user the ID that owns his home, or else the next one that owns no home at all.

    :param recorded: user name → owner of the home, for every home there is, also of users who are gone.
    """
    accounts, taken = [], set(recorded.values())
    used: set[int] = set()
    following = max([FIRST_UID - 1, *taken]) + 1
    for name in sorted(names, key=lambda name: (name not in recorded, name)):
        uid = recorded.get(name, 0)
        if uid < FIRST_UID or uid in used:
            uid, following = following, following + 1
        used.add(uid)
        accounts.append(Account(name, uid))
    return accounts


def account_files(files: Mapping[str, str], accounts: Sequence[Account]) -> dict[str, str]:
    """The contents of ``passwd``, ``shadow``, ``group`` and ``gshadow`` with these users and no others.

    :param files: the files as they are; entries of earlier users are recognised by their dot and removed.
    """
    kept = {
        name: [line for line in text.splitlines() if "." not in line.split(":", 1)[0]]
        for name, text in files.items()
    }
    members = ",".join(account.name for account in accounts)
    kept["group"] = [_with_members(line, members) for line in kept["group"]]
    kept["gshadow"] = [_with_members(line, members) for line in kept["gshadow"]]
    for account in accounts:
        name, uid = account.name, account.uid
        kept["passwd"].append(f"{name}:x:{uid}:{uid}::{account.home}:/bin/bash")
        kept["shadow"].append(f"{name}:*:19700:0:99999:7:::")
        kept["group"].append(f"{name}:x:{uid}:")
        kept["gshadow"].append(f"{name}:!::")
    return {name: "\n".join(lines) + "\n" for name, lines in kept.items()}


def _with_members(line: str, members: str) -> str:
    return f"{line.rsplit(':', 1)[0]}:{members}" if line.startswith(f"{GROUP}:") else line


def hosts_on_loopback(hosts: str, hostname: str) -> str:
    """The contents of /etc/hosts with the container's own name for its loopback and for nothing else.

    Slurm's daemons, told not to listen on every address, listen on the one that their host's name stands for.
    """
    lines = [f"127.0.0.1 {hostname}"]
    for line in hosts.splitlines():
        words = line.split("#", 1)[0].split()
        if hostname not in words[1:]:
            lines.append(line)
        elif others := [word for word in words[1:] if word != hostname]:
            lines.append(" ".join([words[0], *others]))
    return "\n".join(lines) + "\n"


def accepted_variables(sshd_config: str) -> list[str]:
    """The names of the environment variables that sshd accepts.

    :raises SetupError: a name with a wildcard or otherwise not a plain one.
    """
    words = [line.split() for line in sshd_config.splitlines()]
    names = [name for line in words if line and line[0].lower() == "acceptenv" for name in line[1:]]
    if wrong := [name for name in names if not VARIABLE.fullmatch(name)]:
        raise SetupError(f"sshd_config: AcceptEnv takes exact names only, not {', '.join(wrong)}")
    return names


def sudoers(bin_dir: str, variables: Iterable[str]) -> str:
    """sudo's rules: the service account runs the three wrappers, with no arguments, as a member of the group.

    sudo keeps the variables that sshd accepts, and the job ID, which may also stand on its command line.

    :param bin_dir: the folder of the wrappers.
    :raises SetupError: a folder whose name means something to sudo.
    """
    if not SAFE_PATH.fullmatch(bin_dir):
        raise SetupError(f"slurmSpawnerWrappersBin: not an absolute path of plain characters: {bin_dir!r}")
    commands = [f"{bin_dir.rstrip('/')}/{name}" for name in WRAPPERS]
    allowed = ", ".join(f'{command} ""' for command in commands)
    return "\n".join(
        [
            "# Written at every start of the container.",
            f'Defaults:{SPAWNER} env_keep = "{" ".join([*variables, JOB_ID])}"',
            f"Defaults:{SPAWNER} env_reset, !env_check, !setenv, runcwd = ~, !use_pty, !requiretty, !lecture",
            f"Defaults !syslog, logfile = {LOG}/sudo.log, log_year, loglinelen = 0",
            "# A query comes every few seconds from each notebook server: only refused ones are worth a line.",
            f"Defaults!{commands[1]} !log_allowed",
            f"{SPAWNER} ALL = (%{GROUP}) NOPASSWD: {allowed}",
            "",
        ]
    )


def cgroup_conf(version: str) -> str | None:
    """cgroup.conf for this Slurm, or None for none: Slurm manages no cgroups in a container without privileges.

    From Slurm 23 on the plugin has to be switched off; 22.05 does not know the setting and needs none.

    :param version: the output of ``slurmctld -V``.
    :raises SetupError: no version in it.
    """
    if not (found := re.search(r"(\d+)\.\d+", version)):
        raise SetupError(f"slurmctld -V says no version: {version!r}")
    return "CgroupPlugin=disabled\n" if int(found[1]) >= 23 else None


# --- Writing it.


def main() -> None:
    """Prepare the container and become the supervisor."""
    # Process 1 ignores SIGTERM unless it says otherwise; the supervisor has its own way to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.umask(0o022)
    try:
        make_directories()
        make_munge_key(Path("/var/lib/munge/munge.key"))
        make_accounts()
        configure_slurm()
        configure_access()
    except (SetupError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"slurm-entrypoint: error: {error}")
    shutil.rmtree(SCAN, ignore_errors=True)
    shutil.copytree(SERVICES, SCAN)
    sys.stdout.flush()
    os.execvp("s6-svscan", ["s6-svscan", str(SCAN)])  # noqa: S606 - this process becomes the supervisor


def make_directories() -> None:
    """Make the folders of logs, state and sockets, with the owners that the daemons demand."""
    directory(LOG, "slurm", 0o755)
    directory(Path("/run/slurm"), "slurm", 0o755)
    directory(Path("/var/spool/slurm"), "root", 0o755)
    directory(Path("/var/spool/slurm/slurmctld"), "slurm", 0o700)
    directory(Path("/var/spool/slurm/slurmd"), "root", 0o755)
    directory(Path("/var/lib/munge"), "munge", 0o700)
    directory(Path("/run/munge"), "munge", 0o755)
    directory(Path("/run/sshd"), "root", 0o755)
    # Slurm only looks whether a GPU's file is there and a device.
    for number in range(GPUS):
        gpu = Path(f"/dev/fakegpu{number}")
        gpu.unlink(missing_ok=True)
        gpu.symlink_to("/dev/null")


def directory(path: Path, owner: str, mode: int) -> None:
    """Make ``path`` a directory of this user and his own group with this mode."""
    path.mkdir(parents=True, exist_ok=True)
    entry = pwd.getpwnam(owner)
    os.chown(path, entry.pw_uid, entry.pw_gid)
    path.chmod(mode)


def make_munge_key(path: Path) -> None:
    """Make the key that Slurm's daemons and commands trust each other by, unless the volume has one."""
    if not path.exists():
        write(path, secrets.token_bytes(128), 0o400)
    entry = pwd.getpwnam("munge")
    os.chown(path, entry.pw_uid, entry.pw_gid)
    path.chmod(0o400)


def make_accounts() -> None:
    """Make the users of dev_users, and nobody else, with their homes."""
    names = account_names(json.loads((BRICS / "dev_users/dev_users.json").read_text()))
    accounts = assign_uids(names, recorded_homes())
    modes = {"passwd": 0o644, "group": 0o644, "shadow": 0o640, "gshadow": 0o640}
    current = {name: Path("/etc", name).read_text() for name in modes}
    for name, text in account_files(current, accounts).items():
        if text != current[name]:
            write(Path("/etc", name), text.encode(), modes[name])
    for account in accounts:
        make_home(account)


def recorded_homes() -> dict[str, int]:
    """User name → owner of his home, for every home in the volume."""
    homes = [home for home in HOME.glob("*/*.*") if home.name.split(".")[-1] == home.parent.name]
    return {home.name: home.lstat().st_uid for home in homes if stat.S_ISDIR(home.lstat().st_mode)}


def make_home(account: Account) -> None:
    """Make the home, private to its user. One that exists with another owner is given to him as it is."""
    home = account.home
    home.parent.mkdir(mode=0o755, exist_ok=True)
    if not home.exists():
        # Complete or not there at all: its owner is the record of the user's ID.
        new = home.with_name(f".{home.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree("/etc/skel", new)
        new.chmod(0o700)
        for path in [*new.rglob("*"), new]:
            os.lchown(path, account.uid, account.uid)
        new.rename(home)
    elif home.lstat().st_uid != account.uid:
        print(f"slurm-entrypoint: {home} now belongs to user ID {account.uid}", flush=True)
        os.lchown(home, account.uid, account.uid)


def configure_slurm() -> None:
    """Install Slurm's configuration; cgroup.conf follows the version of Slurm."""
    # In place: the file is mounted, and the pod's other containers may be reading it.
    with Path("/etc/hosts").open("r+") as hosts:
        text = hosts_on_loopback(hosts.read(), socket.gethostname())
        hosts.seek(0)
        hosts.write(text)
        hosts.truncate()
    target = Path("/etc/slurm")
    target.mkdir(exist_ok=True)
    for source in (BRICS / "slurm").glob("*.conf"):
        write(target / source.name, source.read_bytes(), 0o644)
    cgroup = cgroup_conf(output("slurmctld", "-V"))
    if cgroup is None:
        (target / "cgroup.conf").unlink(missing_ok=True)
    else:
        write(target / "cgroup.conf", cgroup.encode(), 0o644)


def configure_access() -> None:
    """Let the hub in: the service account's key, and what it may do with sudo."""
    keys = Path("/etc/ssh/authorized_keys.d")
    keys.mkdir(exist_ok=True)
    # A copy, since sshd refuses files in folders that others could write to, as mounted ones may be.
    write(keys / SPAWNER, (BRICS / "ssh/authorized_keys").read_bytes(), 0o644)
    setting = BRICS / "deploy/slurmSpawnerWrappersBin"
    bin_dir = setting.read_text().strip() if setting.exists() else "/opt/slurmspawner_wrappers/bin"
    if missing := [name for name in WRAPPERS if not os.access(Path(bin_dir, name), os.X_OK)]:
        raise SetupError(f"{bin_dir}: no {', '.join(missing)}; see the key slurmSpawnerWrappersBin")
    rules = sudoers(bin_dir, accepted_variables((BRICS / "slurm/sshd_config").read_text()))
    # sudo reads no file with a dot in its name: the rules count only once they have passed the check.
    draft = Path("/etc/sudoers.d/brics.new")
    write(draft, rules.encode(), 0o440)
    output("visudo", "--check", "--strict", "--file", str(draft))
    draft.rename("/etc/sudoers.d/brics")


def output(*command: str) -> str:
    """The standard output of a command.

    :raises SetupError: it failed; with what it said.
    """
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise SetupError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a whole file with this mode, keeping the group of the one it replaces, or nothing."""
    new = path.with_name(f".{path.name}.tmp")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        if path.exists():
            os.fchown(stream.fileno(), 0, path.stat().st_gid)
        os.fchmod(stream.fileno(), mode)
        stream.write(content)
    new.rename(path)


if __name__ == "__main__":
    main()
