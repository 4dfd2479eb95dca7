"""What tokens are forged with. PyJWT itself refuses to make most of these."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

BAD_SHORT_NAMES = [
    "",
    " ",
    "/",
    "..",
    "a/b",
    "a\n",
    "\na",
    "a b",
    "a.project1",
    "Alice",
    "1a",
    "-a",
    "a" * 65,
    "a" * 10_000,
    "alice\0",
    "alice\N{ZERO WIDTH SPACE}",
    "\N{CYRILLIC SMALL LETTER A}lice",
    "\N{FULLWIDTH LATIN SMALL LETTER A}lice",
    "al\N{LATIN SMALL LETTER DOTLESS I}ce",
    "alice\N{COMBINING ACUTE ACCENT}",
    "\ud800",
    "$(id)",
    "alice;id",
    "%61lice",
]


def encoded(value: Any) -> str:
    """A segment of a token: JSON, or bytes as they are, in base64url."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hmac_token(secret: bytes, claims: dict[str, Any], **header: Any) -> str:
    """A token that is signed with a public key as the secret."""
    signed = f"{encoded({'alg': 'HS256', **header})}.{encoded(claims)}"
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"
