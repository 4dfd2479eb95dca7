"""Ordinary users of this machine, made by root for a test: nothing of them is left.

Each sees the machine through a mount namespace of its own, in which the Python that runs the tests is where it can be
read, ``/dev/net/tun`` is open, and some directories are empty. Nothing of the machine is changed for it.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from brics_envs.plan.host_settings import CA_VARIABLES
from tests.support.checkout import copy_project
from tests.support.processes import status_fields
from tests.support.waiting import wait_for
from tests.support.world import LARGE, World

TUN = Path("/dev/net/tun")
OPEN = 0o006
"""Permissions of a device that everybody may use."""

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
SETTINGS = (".npmrc", ".config/pip/pip.conf", ".pip/pip.conf")
"""Of a home: where packages come from."""


@dataclass(frozen=True)
class OrdinaryUser:
    """A user; ``ids`` are those of the user and of the processes in the user's containers."""

    name: str
    home: Path
    ids: frozenset[int] = field(repr=False)

    @property
    def checkout(self) -> Path:
        """The user's copy of the project."""
        return self.home / "checkout"

    @property
    def environment(self) -> dict[str, str]:
        """Variables as after signing in, and those that say where packages come from."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.lower().endswith("_proxy") or name.startswith("PIP_") or name in CA_VARIABLES
        }
        return kept | {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "LOGNAME": self.name,
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SHELL": "/bin/sh",
            "TMPDIR": str(self.home / "tmp"),
            "USER": self.name,
            "XDG_RUNTIME_DIR": str(self.home / "run"),
        }

    def owns(self, path: Path) -> None:
        """Give the user a file, or a folder with all that is in it."""
        subprocess.run(["chown", "--recursive", "--no-dereference", f"{self.name}:", path], check=True)


@contextmanager
def ordinary_user(role: str) -> Iterator[OrdinaryUser]:
    """A user with a range of IDs for containers, a home and, in it, a copy of the checkout.

    :param role: becomes part of the user's name.
    """
    name = f"brics-{role}-{secrets.token_hex(4)}"
    # Sockets' paths must be short, and /tmp may be small.
    home = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=LARGE))
    try:
        # With --create-home useradd would leave alone one that is there; IDs for containers come by themselves.
        made = ["useradd", "--no-create-home", f"--home-dir={home}", "--user-group", "--shell=/bin/sh", name]
        subprocess.run(made, check=True)
        user = OrdinaryUser(name, home, frozenset(_ids(name)))
        try:
            _furnish(user)
            yield user
        finally:
            _end_processes(user.ids)
            subprocess.run(["userdel", name], check=True)
    finally:
        shutil.rmtree(home)


@contextmanager
def signed_in(user: OrdinaryUser, hidden: Sequence[Path] = ()) -> Iterator[World]:
    """The user's view of the machine and of the checkout.

    :param hidden: directories that are empty for the user.
    """
    python, packages = user.home / "python", user.home / "packages"
    script = [
        # The Python that runs the tests may be in root's home.
        f"mount --bind {shlex.quote(sys.base_prefix)} {python}",
        f"mount --bind {shlex.quote(sysconfig.get_path('purelib'))} {packages}",
        *(f"mount -t tmpfs none {shlex.quote(str(directory))}" for directory in hidden),
    ]
    if TUN.stat().st_mode & OPEN != OPEN:
        device = user.home / "dev/tun"
        script += [
            f"mount -t tmpfs none {device.parent}",
            f"mknod --mode=0666 {device} c {os.major(TUN.stat().st_rdev)} {os.minor(TUN.stat().st_rdev)}",
            f"mount --bind {device} {TUN}",
        ]
    script += ["echo", "exec sleep infinity"]
    holder = subprocess.Popen(
        ["unshare", "--mount", "--propagation=private", "sh", "-euc", "\n".join(script)],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline(), "the user's view of the machine could not be made"
        enter = ("nsenter", f"--target={holder.pid}", "--mount", f"--wdns={user.checkout}")
        as_user = ("setpriv", f"--reuid={user.name}", f"--regid={user.name}", "--init-groups")
        found = World(user.checkout, user.environment, (*enter, *as_user))
        for directory in hidden:
            assert not found.run("ls", "-A", str(directory))
        _make_venv(found, python, packages)
        yield found
    finally:
        holder.kill()
        holder.wait()


def _ids(name: str) -> Iterator[int]:
    entry = subprocess.run(["id", "--user", name], check=True, capture_output=True, text=True).stdout
    yield int(entry)
    for file in ("/etc/subuid", "/etc/subgid"):
        lines = [
            line.split(":") for line in Path(file).read_text().splitlines() if line.startswith(f"{name}:")
        ]
        assert lines, (
            f"useradd gave {name} no IDs in {file}: the package uidmap, or SUB_UID_COUNT, is missing"
        )
        if file == "/etc/subuid":
            for _, first, count in lines:
                yield from range(int(first), int(first) + int(count))


def _furnish(user: OrdinaryUser) -> None:
    for folder in ("run", "tmp", "python", "packages", "dev", "checkout"):
        (user.home / folder).mkdir()
    for name in SETTINGS:
        if (Path.home() / name).is_file():
            (user.home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path.home() / name, user.home / name)
    copy_project(user.checkout)
    user.owns(user.home)
    user.home.chmod(0o755)
    (user.home / "run").chmod(0o700)


def _make_venv(world: World, python: Path, packages: Path) -> None:
    """An environment of the user's with the very packages that the tests have."""
    place = world.root / ".venv"
    if not place.exists():
        world.run(str(python / "bin" / PYTHON), "-m", "venv", "--without-pip", str(place))
        line = f"import site; site.addsitedir({str(packages)!r})\n"
        (place / "lib" / PYTHON / "site-packages/tests.pth").write_text(line)


def _end_processes(ids: frozenset[int]) -> None:
    """End all processes of a user and of the user's containers."""

    def ended() -> bool:
        found = list(_processes(ids))
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return not found

    wait_for(ended, "processes of the test's user are gone", interval_s=0.2)


def _processes(ids: frozenset[int]) -> Iterator[int]:
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            found = status_fields(status.read_text())
            if int(found["Uid"].split()[0]) in ids and not found["State"].startswith("Z"):
                yield int(status.parent.name)
