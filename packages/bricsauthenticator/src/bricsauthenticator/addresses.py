"""Where an OpenID issuer may be: what comes from there decides who signs in. Pure; imports nothing of this package."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit


def issuer_problem(url: str) -> str:
    """Why a URL cannot be an issuer's; empty if it can."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is not a URL"
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\")
    if (
        not plain
        or parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.query
        or parts.fragment
    ):
        return "is not the URL of an issuer"
    if "@" in parts.netloc:
        return "must not name a user"
    if not is_safe(parts):
        return "must begin with https:// unless it is on loopback"
    return ""


def is_safe(url: SplitResult) -> bool:
    """Whether nobody on the way can change what comes from a URL: https, or http from this machine."""
    return url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname or ""))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, in any of the forms that the system's resolver takes (inet_aton(3)).

    By its form alone: a name but ``localhost`` can lead anywhere.
    """
    if host.lower().removesuffix(".") == "localhost":
        return True
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    # inet_aton ignores what follows a blank.
    with contextlib.suppress(OSError):
        return not host.split()[1:] and ipaddress.IPv4Address(socket.inet_aton(host)).is_loopback
    return False
