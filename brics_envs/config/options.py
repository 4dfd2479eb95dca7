"""Values of the tasks' options, which come as strings. May import: errors."""

from __future__ import annotations

from typing import Literal, cast, get_args

from brics_envs.errors import ConfigError

Base = Literal["auto", "registry", "local"]
"""Where base images come from."""

DEFAULT_PORT = 8000
"""The sign-in port on 127.0.0.1."""


def parse_port(option: str, value: str) -> int:
    """A TCP port that needs no privilege, 1024 to 65535.

    :param option: the option's name, for the error.
    :raises ConfigError: not a number, or out of range.
    """
    if not (value.isascii() and value.isdigit() and 1024 <= int(value) <= 65535):
        raise ConfigError(f"{option}: {value!r} is not a port", hint="give a number from 1024 to 65535")
    return int(value)


def parse_base(value: str) -> Base:
    """The value of ``--base``.

    :raises ConfigError: none of those that are allowed.
    """
    if value not in get_args(Base):
        raise ConfigError(
            f"--base: {value!r} is not allowed", hint=f"choose one of {', '.join(get_args(Base))}"
        )
    return cast(Base, value)
