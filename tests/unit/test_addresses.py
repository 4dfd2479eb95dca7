"""Loopback in all its spellings, and what only looks like it: here, in the settings, and in the authenticator."""

import socket
from pathlib import Path

import pytest
from bricsauthenticator import addresses as authenticators
from hypothesis import given
from hypothesis import strategies as st

from brics_envs.config.addresses import is_local, is_loopback, parsed_address
from brics_envs.config.deploy import load_deploy_settings
from brics_envs.errors import ConfigError

LOOPBACK = [
    *("localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.1", "127.0.1", "127.255.0.9", "2130706433"),
    *(
        "0x7f000001",
        "0X7F.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "::1",
        "0:0::1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
    ),
]
OTHERS = [
    *(
        "127.0.0.1.evil",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "local.host",
        "l\N{CYRILLIC SMALL LETTER O}calhost",
    ),
    *("128.0.0.1", "1.0.0.127", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1", "127.0.0.256", "127.0.0.0.1", ""),  # noqa: S104
    *(
        "127.0.0.1 evil",
        "127.0.0.1%2eevil",
        "127.0.0.08",
        "0x7g",
        "127..1",
        "-127.0.0.1",
        "\N{FULLWIDTH DIGIT FOUR}2",
        "127.0.0.1/8",
    ),
]


@pytest.mark.parametrize("host", LOOPBACK)
def test_spellings_of_loopback(host: str) -> None:
    assert is_loopback(host)
    assert is_local(host)
    assert authenticators.is_loopback(host)


@pytest.mark.parametrize("host", OTHERS)
def test_what_only_looks_like_it(host: str) -> None:
    assert not is_loopback(host)
    assert not authenticators.is_loopback(host)


@given(st.one_of(st.from_regex(r"\A[0-9a-fxX.]{1,20}\Z"), st.ip_addresses(v=4).map(str)))
def test_addresses_are_read_as_the_system_reads_them(text: str) -> None:
    try:
        expected = socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        expected = None
    found = parsed_address(text)
    if text.endswith("."):
        return  # a name may end in a dot, but no address may
    assert (str(found) if found else None) == expected


SAFE = [
    *("https://issuer.example.org/realms/x", "HTTPS://issuer.example.org", "https://192.0.2.1:8443/"),
    *(
        "http://127.0.0.1:8080",
        "HTTP://LocalHost:8080/realms/x",
        "http://[::1]:8080",
        "http://[::ffff:127.0.0.1]/",
    ),
    *("http://127.1/x", "http://0x7f.1"),
]
UNSAFE = [
    *(
        "http://issuer.example.org",
        "HTTP://issuer.example.org",
        "http://127.0.0.1.evil",
        "http://localhost@evil",
    ),
    *("http://localhost:80@evil", "http://127.0.0.1\\@evil", "http://evil\\@127.0.0.1", "http://[::2]:8080"),
    *(
        "http://0.0.0.0:8080",
        "http://localhost.evil",
        "http://127.0.0.1%2eevil",
        "http://127.0.0.1\t.evil",
        "//x",
    ),
    *(
        "http://10.0.0.1",
        "http://evil/?@127.0.0.1",
        "http://evil/#localhost",
        "https://user@issuer.example.org",
    ),
    *(
        "http://①②⑦.0.0.1",
        "http:/127.0.0.1",
        "http:127.0.0.1",
        "ftp://127.0.0.1",
        "http://",
        "http://[::1",
        " http://[::1]",
    ),
]


@pytest.mark.parametrize("url", SAFE)
def test_issuers_whose_keys_nobody_can_change_on_the_way(tmp_path: Path, url: str) -> None:
    assert authenticators.issuer_problem(url) == ""
    (tmp_path / "deploy.yaml").write_text(f"oidcServer: {url!r}\n")
    assert load_deploy_settings(tmp_path / "deploy.yaml").oidcServer == url


@pytest.mark.parametrize("url", UNSAFE)
def test_issuers_that_are_refused(tmp_path: Path, url: str) -> None:
    assert authenticators.issuer_problem(url)
    (tmp_path / "deploy.yaml").write_text(f"oidcServer: {url!r}\n")
    with pytest.raises(ConfigError, match=r"deploy\.yaml:1: oidcServer: must"):
        load_deploy_settings(tmp_path / "deploy.yaml")
