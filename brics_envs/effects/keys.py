"""SSH key pairs and passwords, made anew for each instance. May import: nothing of the project."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # noqa: S105
"""Letters and digits that cannot be taken for one another when they are read out (no i, l, o, I, O, 0, 1)."""

PASSWORD_LENGTH = 20
"""Characters of a generated password: 20 of 55 are 115 bits."""


@dataclass(frozen=True)
class KeyPair:
    """An SSH key pair in OpenSSH's own formats.

    ``private`` is a PEM block, line feed at its end; ``public`` is ``ssh-ed25519 DATA COMMENT`` without one,
    as it belongs in ``authorized_keys`` and, after a host's name, in ``known_hosts``.
    """

    private: bytes = field(repr=False)
    public: str


def make_key_pair(comment: str) -> KeyPair:
    """Make an Ed25519 key pair without a passphrase.

    :param comment: what ``ssh-add -l`` and ``authorized_keys`` show; one line, without line feeds.
    :raises ValueError: the comment has line breaks.
    """
    # cryptography takes a tenth of a second to load, and most commands make no keys.
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if comment.splitlines() not in ([], [comment]):
        raise ValueError(f"a key's comment is one line, not {comment!r}")
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return KeyPair(private, f"{public.decode()} {comment}".rstrip())


def make_password(length: int = PASSWORD_LENGTH) -> str:
    """Make a random password of characters that are read and typed without mistakes.

    :param length: number of characters, at least 16.
    :raises ValueError: fewer than 16.
    """
    if length < 16:
        raise ValueError(f"a generated password has at least 16 characters, not {length}")
    return "".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(length))
