#!/usr/bin/python3
"""Prepares the Slurm container from what is mounted into it, then becomes the supervisor of its daemons.

It runs at every start of the container, needs Debian's Python (3.10 or newer) and Jinja2, and keeps nothing of its
own: what it writes outside the volumes follows from the ConfigMaps and Secrets below /etc/brics and from the
homes below /home. Installed, with slurm_files.py and its templates, in /usr/local/lib/brics-slurm.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

from slurm_files import (
    FIRST_UID,
    GPU_FILE,
    HOME,
    LOG,
    SPAWNER,
    WRAPPERS,
    Account,
    Nodes,
    SetupError,
    account_files,
    account_names,
    assign_uids,
    cgroup_conf,
    gres_conf,
    hosts_on_loopback,
    nodes,
    nodes_conf,
    reservations,
    sudoers,
)

BRICS = Path("/etc/brics")
SERVICES = Path("/usr/local/share/brics-slurm/services")
SCAN = Path("/run/service")
CLUSTER = {"slurmNodes": "1", "slurmGpus": "gpu:4", "slurmCpuOvercommit": "32"}
"""Settings of the nodes where a deployment says nothing."""

NO_PORT = 1
"""A port of the kind that users may not reach, and on which nothing listens."""


def main() -> None:
    """Prepare the container and become the supervisor."""
    # Process 1 ignores SIGTERM unless it says otherwise; the supervisor has its own way to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.umask(0o022)
    try:
        require_firewall()
        cluster = wanted_nodes()
        make_directories(cluster)
        make_munge_key(Path("/var/lib/munge/munge.key"))
        make_accounts()
        configure_slurm(cluster)
        configure_access()
    except (SetupError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"slurm-entrypoint: error: {error}")
    shutil.rmtree(SCAN, ignore_errors=True)
    shutil.copytree(
        SERVICES, SCAN, ignore=None if has_accounting() else shutil.ignore_patterns("associations")
    )
    for name in cluster.names[1:]:
        shutil.copytree(SERVICES / "slurmd", SCAN / f"slurmd-{name}")
    sys.stdout.flush()
    os.execvp("s6-svscan", ["s6-svscan", str(SCAN)])  # noqa: S606 - this process becomes the supervisor


def while_it_runs(what: str) -> None:
    """``reconfigure``: have Slurm read its configuration again. ``reserve``: make the reservations of the file."""
    os.umask(0o022)
    try:
        if what == "reconfigure":
            configure_slurm(wanted_nodes())
            output("scontrol", "reconfigure")
            if has_accounting():
                output(str(Path(__file__).with_name("associations.py")))
        reserve()
    except (SetupError, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"slurm-entrypoint: error: {error}")


def reserve() -> None:
    """Make the reservations of the file, and remove those of an earlier one. Others are left alone.

    :raises SetupError: Slurm refuses one; the others are made all the same.
    """
    file, made = BRICS / "slurm/reservations", Path("/var/spool/slurm/reservations")
    wanted = reservations(file.read_text() if file.exists() else "")
    earlier = reservations(made.read_text() if made.exists() else "")
    refused = []
    for name in [name for name, words in earlier.items() if wanted.get(name) != words]:
        subprocess.run(["scontrol", "delete", f"ReservationName={name}"], timeout=30, check=False)
        del earlier[name]
    for name in [name for name in wanted if name not in earlier]:
        try:
            output("scontrol", "create", "reservation", *wanted[name])
        except SetupError as error:
            refused.append(str(error))
        else:
            earlier[name] = wanted[name]
    write(made, "".join(f"{' '.join(words)}\n" for words in earlier.values()).encode(), 0o644)
    if refused:
        raise SetupError("\n".join(refused))


def require_firewall() -> None:
    """Make sure that users' processes are kept off the ports of the pod's own, if this container is in a pod.

    :raises SetupError: they are not.
    """
    if not (BRICS / "slurm/firewall").exists():
        return
    with socket.create_server(("127.0.0.1", NO_PORT)):
        child = os.fork()
        if child == 0:
            os.setgid(FIRST_UID)
            os.setuid(FIRST_UID)
            with socket.socket() as probe:
                os._exit(probe.connect_ex(("127.0.0.1", NO_PORT)) == 0)
        if os.waitpid(child, 0)[1] != 0:
            raise SetupError(
                "users' processes would reach every port of the pod: the container firewall has not run"
            )


def has_accounting() -> bool:
    """Whether Slurm is to keep accounts, with the slurmdbd in the pod."""
    file = BRICS / "slurm/accounting.conf"
    return file.exists() and "accounting_storage/slurmdbd" in file.read_text()


def wanted_nodes() -> Nodes:
    """The nodes as the deployment wants them, on the processors that the container may use."""
    files = {name: BRICS / "deploy" / name for name in CLUSTER}
    settings = {
        name: files[name].read_text().strip() if files[name].exists() else default
        for name, default in CLUSTER.items()
    }
    return nodes(settings, len(os.sched_getaffinity(0)))


def make_directories(cluster: Nodes) -> None:
    """Make the folders of logs, state and sockets, with the owners that the daemons demand."""
    directory(LOG, "slurm", 0o755)
    directory(Path("/run/slurm"), "slurm", 0o755)
    directory(Path("/var/spool/slurm"), "root", 0o755)
    directory(Path("/var/spool/slurm/slurmctld"), "slurm", 0o700)
    directory(Path("/var/spool/slurm/slurmd"), "root", 0o755)
    directory(Path("/var/lib/munge"), "munge", 0o700)
    directory(Path("/run/munge"), "munge", 0o755)
    directory(Path("/run/sshd"), "root", 0o755)
    for name in cluster.names:
        directory(Path("/var/spool/slurm/slurmd", name), "root", 0o755)
    # Slurm only looks whether a GPU's file is there and a device.
    for number in range(cluster.gpus):
        gpu = Path(f"{GPU_FILE}{number}")
        gpu.unlink(missing_ok=True)
        gpu.symlink_to("/dev/null")


def directory(path: Path, owner: str, mode: int) -> None:
    """Make ``path`` a directory of this user and their own group with this mode."""
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
    """User name → owner of their home, for every home in the volume."""
    homes = [home for home in HOME.glob("*/*.*") if home.name.split(".")[-1] == home.parent.name]
    return {home.name: home.lstat().st_uid for home in homes if stat.S_ISDIR(home.lstat().st_mode)}


def make_home(account: Account) -> None:
    """Make the home, private to its user. One that exists with another owner is given to them as it is."""
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


def configure_slurm(cluster: Nodes) -> None:
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
    submit = BRICS / "slurm/job_submit.lua"
    if submit.exists():
        write(target / submit.name, submit.read_bytes(), 0o644)
    else:
        (target / submit.name).unlink(missing_ok=True)
    write(target / "nodes.conf", nodes_conf(cluster).encode(), 0o644)
    write(target / "gres.conf", gres_conf(cluster).encode(), 0o644)
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
    rules = sudoers(bin_dir)
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
    if sys.argv[1:]:
        while_it_runs(sys.argv[1])
    else:
        main()
