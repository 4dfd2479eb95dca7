"""The key files of a --deploy-dir: what is taken, and that every problem is told at once."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from brics_envs.config.deploy_dir import load_deploy_files
from brics_envs.effects.keys import KeyPair, make_key_pair
from brics_envs.errors import BAD_INPUT, ConfigError

HOST = "slurm.example.org"
PAIR, OTHER, HOST_KEY = (make_key_pair(name) for name in ("hub", "other", "host"))
TYPE_AND_KEY = " ".join(HOST_KEY.public.split()[:2])
ALL = {
    "ssh_client_key": PAIR.private.decode(),
    "ssh_client_key.pub": PAIR.public + "\n",
    "ssh_known_hosts": f"# Slurm's login host\n\n{HOST} {TYPE_AND_KEY}\n",
    "ssh_zenith_client_key": OTHER.private.decode(),
    "ssh_zenith_client_key.pub": OTHER.public + "\n",
    "zenith_client_config.yaml": "server_address: zenith.example.org\n",
}


def write(directory: Path, **changes: str | None) -> None:
    """All files, those that begin like a keyword changed or, if None, left out."""
    for name, text in (ALL | changes).items():
        if text is not None:
            (directory / name).write_text(text)
            (directory / name).chmod(0o600)


def load(directory: Path) -> dict[str, str]:
    return load_deploy_files(directory, tuple(ALL), HOST)


def refused(directory: Path) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(directory)
    assert error.value.exit_status == BAD_INPUT
    return error.value.message.splitlines()


def test_everything_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    assert load(tmp_path) == ALL


def test_a_key_whose_last_line_has_no_end_gets_one(tmp_path: Path) -> None:
    write(tmp_path, ssh_client_key=PAIR.private.decode().rstrip())
    assert load(tmp_path)["ssh_client_key"] == PAIR.private.decode()


def test_only_what_is_needed_is_read(tmp_path: Path) -> None:
    assert load_deploy_files(tmp_path, (), HOST) == {}


def test_every_missing_file_is_one_line(tmp_path: Path) -> None:
    assert refused(tmp_path) == [f"{tmp_path / name}: No such file or directory" for name in ALL]


@pytest.mark.parametrize("name", ["ssh_client_key", "ssh_zenith_client_key"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_private_keys_that_others_may_read(tmp_path: Path, name: str, mode: int) -> None:
    write(tmp_path)
    (tmp_path / name).chmod(mode)
    (line,) = refused(tmp_path)
    assert line.startswith(f"{tmp_path / name}: others may read or write it (mode {mode:04o})")


def pem(pair_password: bytes | None = None) -> str:
    key = rsa.generate_private_key(65537, 2048)
    encryption = (
        serialization.BestAvailableEncryption(pair_password)
        if pair_password
        else serialization.NoEncryption()
    )
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, encryption
    )
    return text.decode()


def test_old_private_keys_are_taken(tmp_path: Path) -> None:
    text = pem()
    public = serialization.load_pem_private_key(text.encode(), None).public_key()
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    write(tmp_path, **{"ssh_client_key": text, "ssh_client_key.pub": line.decode()})
    assert load(tmp_path)["ssh_client_key"] == text


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("ssh_client_key", "nonsense", "not a private SSH key"),
        ("ssh_client_key", pem(b"secret"), "without a passphrase"),
        ("ssh_client_key", PAIR.public, "not a private SSH key"),
        ("ssh_client_key.pub", OTHER.public, "not the public half of"),
        ("ssh_client_key.pub", "ssh-ed25519 AAAA", "not one line with a public SSH key"),
        ("ssh_client_key.pub", "", "not one line with a public SSH key"),
        ("ssh_known_hosts", "", f"no key of {HOST}"),
        ("ssh_known_hosts", f"elsewhere {TYPE_AND_KEY}\n", f"no key of {HOST}"),
        ("ssh_known_hosts", f"!{HOST},* {TYPE_AND_KEY}\n", f"no key of {HOST}"),
        ("ssh_known_hosts", f"@revoked {HOST} {TYPE_AND_KEY}\n", f"no key of {HOST}"),
        (
            "ssh_known_hosts",
            f"\n{HOST} ssh-rsa {TYPE_AND_KEY.split()[1]}\n",
            "ssh_known_hosts:2: not HOSTS TYPE KEY",
        ),
        ("zenith_client_config.yaml", "", "server_address: needed"),
        ("zenith_client_config.yaml", "- a\n", "key: value"),
    ],
)
def test_malformed_files(tmp_path: Path, name: str, text: str, words: str) -> None:
    write(tmp_path, **{name: text})
    (line,) = refused(tmp_path)
    assert line.startswith(str(tmp_path / name))
    assert words in line


def hashed(host: str) -> str:
    salt = b"0123456789abcdefghij"
    digest = hmac.new(salt, host.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize("hosts", [f"a,{HOST}", "*.example.org", hashed(HOST), HOST.upper()])
def test_host_names_in_every_form(tmp_path: Path, hosts: str) -> None:
    write(tmp_path, ssh_known_hosts=f"{hosts} {TYPE_AND_KEY} comment\n")
    assert load(tmp_path)["ssh_known_hosts"]


def test_zeniths_settings_are_private_if_they_hold_a_secret(tmp_path: Path) -> None:
    write(tmp_path)
    file = tmp_path / "zenith_client_config.yaml"
    file.chmod(0o644)
    load(tmp_path)
    file.write_text("server_address: zenith.example.org\nauth_oidc_client_secret: s\n")
    (line,) = refused(tmp_path)
    assert "chmod 600" in line
    assert "auth_oidc" not in line


def test_nothing_of_a_key_is_in_an_error(tmp_path: Path) -> None:
    key = KeyPair(PAIR.private.replace(b"b3Blbn", b"XXXXXX"), PAIR.public)
    write(tmp_path, ssh_client_key=key.private.decode())
    assert "XXXXXX" not in "\n".join(refused(tmp_path))
