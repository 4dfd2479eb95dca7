"""The key files of a --deploy-dir: what is taken, and that every problem is told at once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from brics_envs.config.deploy_dir import load_deploy_files, settings_file
from brics_envs.effects.keys import KeyPair, make_key_pair
from brics_envs.errors import BAD_INPUT, ConfigError

HOST = "slurm.example.org"
PAIR, OTHER, NADIR, HOST_KEY = (make_key_pair(name) for name in ("hub", "other", "nadir", "host"))
TYPE_AND_KEY = " ".join(HOST_KEY.public.split()[:2])
ALL = {
    "ssh_client_key": PAIR.private.decode(),
    "ssh_client_key.pub": PAIR.public + "\n",
    "ssh_known_hosts": f"# Slurm's login host\n\n{HOST} {TYPE_AND_KEY}\n",
    "ssh_zenith_client_key": OTHER.private.decode(),
    "ssh_zenith_client_key.pub": OTHER.public + "\n",
    "zenith_client_config.yaml": "server_address: zenith.example.org\n",
    "ssh_nadir_key": NADIR.private.decode(),
    "ssh_nadir_key.pub": NADIR.public + "\n",
    "nadir_config": "nadir.example.org\n",
    "ssh_nadir_known_hosts": f"nadir.example.org {TYPE_AND_KEY}\n",
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


def without_keys(text: str) -> str:
    """A name that is the same in each process that runs tests: keys are new in each."""
    return re.sub(r"[\w+/=]{32,}", "KEY", text)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("ssh_client_key", "nonsense", "not a private SSH key"),
        ("ssh_client_key", pem(b"secret"), "without a passphrase"),
        ("ssh_client_key", PAIR.public, "not a private SSH key"),
        ("ssh_client_key.pub", OTHER.public, "does not belong to"),
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
        ("zenith_client_config.yaml", "serverAddress: ''\n", "server_address: needed"),
        ("zenith_client_config.yaml", "serverAddress: [a]\n", "server_address: needed"),
        (
            "zenith_client_config.yaml",
            "server_address: a\nserverAddress: b\n",
            "yaml:2: serverAddress: is server_address a second time",
        ),
        ("nadir_config", "", "one line with Nadir's server"),
        ("nadir_config", "a.example\nb.example\n", "one line with Nadir's server"),
        ("nadir_config", "-oProxyCommand=x\n", "one line with Nadir's server"),
        ("nadir_config", "nadir@a.example\n", "one line with Nadir's server"),
        (
            "ssh_nadir_known_hosts",
            f"{HOST} {TYPE_AND_KEY}\n",
            "no key of nadir.example.org, the server in nadir_config",
        ),
        ("ssh_nadir_known_hosts", "", "no key of nadir.example.org, the server in nadir_config"),
    ],
    ids=without_keys,
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


@pytest.mark.parametrize(
    "secret",
    [
        "authOidcClientSecret",
        "auth_oidc_client_secret",
        "sshPrivateKeyData",
        "tlsKeyData",
        "tls_key_data",
        "token",
    ],
)
def test_zeniths_secrets_are_known_in_both_spellings(tmp_path: Path, secret: str) -> None:
    text = f"serverAddress: zenith.example.org\nserverPort: 22\n{secret}: s\ndebug: true\n"
    write(tmp_path, **{"zenith_client_config.yaml": text})
    assert load(tmp_path)["zenith_client_config.yaml"] == text
    (tmp_path / "zenith_client_config.yaml").chmod(0o640)
    (line,) = refused(tmp_path)
    assert "chmod 600" in line
    assert secret not in line


@pytest.mark.parametrize("name", ["deploy.yaml", "deploy-configmap.yaml"])
def test_the_file_with_the_settings(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    assert settings_file(tmp_path) == tmp_path / name


@pytest.mark.parametrize(
    ("names", "words"),
    [([], "neither exists"), (["deploy.yaml", "deploy-configmap.yaml"], "both exist")],
)
def test_one_file_with_settings(tmp_path: Path, names: list[str], words: str) -> None:
    for name in names:
        (tmp_path / name).write_text("")
    with pytest.raises(ConfigError, match=words) as error:
        settings_file(tmp_path)
    assert error.value.exit_status == BAD_INPUT
    for name in ("--deploy-dir", str(tmp_path / "deploy.yaml"), "deploy-configmap.yaml"):
        assert name in error.value.message


def test_nothing_of_a_key_is_in_an_error(tmp_path: Path) -> None:
    key = KeyPair(PAIR.private.replace(b"b3Blbn", b"XXXXXX"), PAIR.public)
    write(tmp_path, ssh_client_key=key.private.decode())
    assert "XXXXXX" not in "\n".join(refused(tmp_path))
