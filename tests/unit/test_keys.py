"""SSH keys in OpenSSH's formats, and passwords."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from brics_envs.effects.keys import PASSWORD_ALPHABET, make_key_pair, make_password


def test_private_and_public_key_belong_together() -> None:
    pair = make_key_pair("jupyterhub-slurm")
    assert pair.private.startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert pair.private.endswith(b"-----END OPENSSH PRIVATE KEY-----\n")
    key = serialization.load_ssh_private_key(pair.private, password=None)
    assert isinstance(key, Ed25519PrivateKey)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert pair.public == f"{public.decode()} jupyterhub-slurm"


def test_every_pair_is_new_and_its_private_half_is_not_shown() -> None:
    one, two = make_key_pair("k"), make_key_pair("k")
    assert one.private != two.private
    assert "PRIVATE" not in repr(one)


@pytest.mark.parametrize("comment", ["a\nb", "a\r", "\n", "a\u2028b"])
def test_a_comment_is_one_line(comment: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        make_key_pair(comment)


def test_an_empty_comment_leaves_no_trailing_space() -> None:
    assert make_key_pair("").public.count(" ") == 1


def test_passwords() -> None:
    passwords = {make_password() for _ in range(50)}
    assert len(passwords) == 50
    assert all(len(p) == 20 and set(p) <= set(PASSWORD_ALPHABET) for p in passwords)
    assert not set("ilIoO01") & set(PASSWORD_ALPHABET)
    assert len(make_password(16)) == 16
    with pytest.raises(ValueError, match="at least 16"):
        make_password(15)
