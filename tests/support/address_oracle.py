"""What a host name and an address are: said once more, in other words than the project's own."""

from __future__ import annotations

import ipaddress
import socket
import string
from typing import Any

ALNUM = set(string.ascii_letters + string.digits)


def is_host(value: Any) -> bool:
    if not isinstance(value, str) or not value.isascii() or len(value) > 253:
        return False
    if is_address(value):
        return True
    labels = value.split(".")
    whole = all(
        label and len(label) <= 63 and set(label) <= ALNUM | {"-"} and label[0] != "-" and label[-1] != "-"
        for label in labels
    )
    # What ends in a number is an address, if anything.
    return whole and not labels[-1].isdigit() and not labels[-1].lower().startswith("0x")


def is_address(value: Any) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return isinstance(value, str) and "%" not in value


def is_old_address(value: str) -> bool:
    """Whether it is an address in one of the forms that nobody writes and resolvers take."""
    try:
        socket.inet_aton(value)
    except (OSError, UnicodeError):
        return False
    return True


def is_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
