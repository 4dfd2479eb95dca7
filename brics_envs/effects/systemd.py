"""systemd and podman's generator of its units. May import: errors, effects.files, effects.process."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Mapping
from pathlib import Path

from brics_envs.effects import process
from brics_envs.effects.files import temporary_directory, write_private
from brics_envs.errors import EnvsError

DEADLINE_S = 30.0

GENERATORS = (Path("/usr/libexec/podman/quadlet"), Path("/usr/lib/podman/quadlet"))
"""Where distributions put it."""

LINGER = Path("/var/lib/systemd/linger")
"""logind's: a file for each user whose services run without their being logged in."""


def is_user() -> bool:
    """Whether units are a user's: podman is rootless."""
    return os.geteuid() != 0


def systemctl_words() -> str:
    """How the user calls systemctl."""
    return "systemctl --user" if is_user() else "systemctl"


def is_active(service: str) -> bool:
    """Whether systemd runs a service, or is about to."""
    if shutil.which("systemctl") is None:
        return False
    done = process.run([*systemctl_words().split(), "is-active", service], timeout_s=DEADLINE_S, check=False)
    return done.stdout.strip() in ("active", "activating", "reloading", "deactivating")


def lingering_user() -> tuple[str, bool]:
    """This user's name, and whether their services start at boot and outlive their sessions."""
    name = pwd.getpwuid(os.geteuid()).pw_name
    return name, (LINGER / name).exists()


def check_unit(name: str, files: Mapping[str, str]) -> str:
    """Have podman's generator read a unit; return the service that it makes of it. Nothing is kept.

    :param name: the unit's file name.
    :param files: file name → text of the unit and what it refers to.
    :raises EnvsError: there is no generator here, or it does not accept the unit.
    """
    generator = next((path for path in GENERATORS if path.exists()), None)
    if generator is None:
        raise EnvsError(
            f"podman's systemd generator is missing: {' or '.join(map(str, GENERATORS))}",
            hint="it comes with podman",
        )
    with temporary_directory("brics-unit-") as directory:
        for file, text in files.items():
            write_private(directory / file, text.encode())
        user = ["--user"] if is_user() else []
        done = process.run(
            [str(generator), "--dryrun", "--no-kmsg-log", *user],
            timeout_s=DEADLINE_S,
            env={"QUADLET_UNIT_DIRS": str(directory)},
            check=False,
        )
    if done.status != 0 or f"---{Path(name).stem}.service---" not in done.stdout:
        raise EnvsError(f"podman's systemd generator rejects {name}:\n{done.stderr.strip()}")
    return done.stdout
