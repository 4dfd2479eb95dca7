"""What can be told of an address by its form alone. Pure. May import: nothing of the project."""

from __future__ import annotations

import contextlib
import ipaddress
import re


def is_loopback(host: str) -> bool:
    """Whether a host is the machine itself, in any of the forms that resolvers take (inet_aton(3), RFC 6761).

    By its form: any name but ``localhost`` can lead anywhere.
    """
    address = parsed_address(host)
    return address.is_loopback if address else host.lower().removesuffix(".") == "localhost"


def is_local(host: str) -> bool:
    """Whether a host leads back to whoever connects to it: loopback, names for it, and the address that means "any"."""
    address = parsed_address(host)
    if address:
        return address.is_loopback or address.is_unspecified
    return is_loopback(host) or host.lower().removesuffix(".").endswith(
        (".localhost", "localhost.localdomain")
    )


def parsed_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, if it is one: ``127.1`` and ``0x7f000001`` are, too. IPv4 stays so within IPv6."""
    host = host.removesuffix(".")
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        return getattr(address, "ipv4_mapped", None) or address
    with contextlib.suppress(ValueError):
        return ipaddress.IPv4Address(_inet_aton(host))
    return None


def _inet_aton(text: str) -> int:
    """An IPv4 address of one to four numbers, the last of which fills what is left (inet_aton(3)).

    :raises ValueError: it is none.
    """
    *high, low = (_number(part) for part in text.split("."))
    if len(high) > 3 or any(number > 255 for number in high) or low >= 256 ** (4 - len(high)):
        raise ValueError(f"{text} is not an address")
    return low + sum(number << (24 - 8 * place) for place, number in enumerate(high))


def _number(text: str) -> int:
    """A number as C writes it.

    :raises ValueError: it is none.
    """
    for pattern, base in ((r"0[xX][0-9a-fA-F]+", 16), (r"0[0-7]*", 8), (r"[1-9][0-9]*", 10)):
        if re.fullmatch(pattern, text) and len(text) < 32:
            return int(text, base)
    raise ValueError(f"{text} is not a number")
