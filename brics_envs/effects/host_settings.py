"""Lend builds this host's settings for pip, npm and apt. May import: plan, effects."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from brics_envs.effects import process
from brics_envs.effects.files import temporary_directory
from brics_envs.plan import host_settings

DEFAULT_CA_FILE = Path("/etc/ssl/certs/ca-certificates.crt")
"""Debian's and Ubuntu's bundle of CA certificates."""


@contextlib.contextmanager
def lent_settings() -> Iterator[tuple[str, ...]]:
    """Hold the host's settings in a private folder for the length of a ``with`` block.

    :returns: ``--volume`` values for ``podman build``: the files in the places where the tools look for them.
    """
    ca = _ca_file()
    files = {
        "/etc/pip.conf": host_settings.pip_conf(_texts(_pip_files()), os.environ, ca=ca is not None),
        "/root/.npmrc": host_settings.npmrc(_texts(_npm_files()), os.environ, ca=ca is not None),
        "/etc/apt/apt.conf.d/90build-host": host_settings.apt_conf(apt_proxies(), ca=ca is not None),
    }
    with temporary_directory("brics-build-") as folder:
        volumes = []
        for number, (place, text) in enumerate(files.items()):
            if text:
                path = folder / str(number)
                path.write_text(text)
                _readable(path)
                volumes.append(f"{path}:{place}:ro")
        if ca is not None:
            shared = folder / "shared"
            shared.mkdir()
            shutil.copyfile(ca, shared / Path(host_settings.CA_FILE).name)
            _readable(shared, *shared.iterdir())
            volumes.append(f"{shared}:{Path(host_settings.CA_FILE).parent}:ro")
        yield tuple(volumes)


def _readable(*paths: Path) -> None:
    """Let other users of a build read; on the host, the folder above is its owner's alone."""
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)


def apt_proxies() -> dict[str, str]:
    """The proxies that this host's apt is configured with, by scheme; none on hosts without apt."""
    if shutil.which("apt-config") is None:
        return {}
    names = {scheme: f"Acquire::{scheme}::Proxy" for scheme in ("http", "https")}
    argv = ["apt-config", "shell", *(word for pair in names.items() for word in pair)]
    answer = process.run(argv, timeout_s=20).stdout
    return dict(re.match(r"(\w+)=(.*)", word, re.DOTALL).groups() for word in shlex.split(answer))  # type: ignore[union-attr, misc]


def _ca_file() -> Path | None:
    named = [Path(value) for name in host_settings.CA_VARIABLES if (value := os.environ.get(name))]
    return next((path for path in [*named, DEFAULT_CA_FILE] if path.is_file()), None)


def _pip_files() -> list[Path]:
    # In pip's own order; PIP_CONFIG_FILE comes last.
    home = Path.home()
    files = [
        Path("/etc/pip.conf"),
        Path("/etc/xdg/pip/pip.conf"),
        home / ".pip/pip.conf",
        home / ".config/pip/pip.conf",
    ]
    return [*files, *([Path(named)] if (named := os.environ.get("PIP_CONFIG_FILE")) else [])]


def _npm_files() -> list[Path]:
    return [Path("/etc/npmrc"), Path("/usr/local/etc/npmrc"), Path.home() / ".npmrc"]


def _texts(paths: list[Path]) -> list[str]:
    texts = []
    for path in paths:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            texts.append(path.read_text(encoding="utf-8"))
    return texts
