"""The host's settings that builds are lent, and the Debian mirror that local bases come from."""

from __future__ import annotations

import hashlib

import pytest

from brics_envs.errors import EnvsError
from brics_envs.plan.debian_sources import debian_state, parse_targets, sources_for
from brics_envs.plan.host_settings import apt_conf, npmrc, pip_conf

DEBIAN = "http://mirror.test/debian/"
SECURITY = "http://mirror.test/debian-security/"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def test_mirror_of_the_host_serves_any_release() -> None:
    targets = parse_targets(
        f"{DEBIAN}|bookworm|main|Debian|{KEYRING}\n"
        f"{DEBIAN}|bookworm|contrib|Debian|{KEYRING}\n"
        f"{DEBIAN}|bookworm-updates|main|Debian|{KEYRING}\n"
        f"{SECURITY}|bookworm-security|main|Debian|{KEYRING}\n"
    )
    assert sources_for("trixie", targets, "") == (
        f"deb {DEBIAN} trixie main",
        f"deb {DEBIAN} trixie-updates main",
        f"deb {SECURITY} trixie-security main",
    )


def test_other_archives_of_a_debian_host_are_no_mirror() -> None:
    targets = parse_targets(
        f"https://vendor.test/apt/|trixie|main|Vendor|/etc/vendor.gpg\n{DEBIAN}|trixie|main|Debian|{KEYRING}\n"
    )
    assert sources_for("trixie", targets, "") == (f"deb {DEBIAN} trixie main",)


@pytest.mark.parametrize("line", [f"{DEBIAN}|trixie|main||", f"http://cache.test/d/|trixie|main||{KEYRING}"])
def test_mirror_is_known_before_the_first_update(line: str) -> None:
    assert len(sources_for("trixie", parse_targets(line), "")) == 1


@pytest.mark.parametrize(
    "text",
    ["", "http://archive.test/ubuntu/|noble|main|Ubuntu|/usr/share/keyrings/ubuntu-archive-keyring.gpg"],
)
def test_hosts_without_debian_mirror_are_told_what_is_needed(text: str) -> None:
    with pytest.raises(EnvsError, match="BRICS_DEBIAN_MIRROR") as caught:
        sources_for("trixie", parse_targets(text), "")
    assert "debian-archive-keyring" in caught.value.hint
    assert sources_for("trixie", parse_targets(text), DEBIAN)[0] == f"deb {DEBIAN} trixie main"


def test_passwords_in_a_mirrors_address_stay_out_of_the_images() -> None:
    targets = parse_targets(f"https://me:s3cret@mirror.test/debian|trixie|main|Debian|{KEYRING}")
    with pytest.raises(EnvsError) as caught:
        sources_for("trixie", targets, "")
    assert "s3cret" not in str(caught.value)


def test_pip_settings_override_one_another_in_order() -> None:
    texts = (
        "[global]\nindex-url = https://system.test/simple\ntimeout = 5\n",
        "[global]\nindex-url = https://me:pw@user.test/simple\nno-index = 1\n[list]\nformat = json\n",
        "not a configuration file",
    )
    assert pip_conf(texts, {}, ca=False) == (
        "[global]\nindex-url = https://me:pw@user.test/simple\ntimeout = 5\n"
    )
    assert "index-url = https://env.test/\n" in pip_conf(
        texts, {"PIP_INDEX_URL": "https://env.test/"}, ca=False
    )


def test_pip_settings_that_name_this_hosts_disk_are_left_out() -> None:
    text = "[global]\nextra-index-url = file:///opt/one\n  https://two.test/simple /opt/three\n"
    assert pip_conf([text], {}, ca=False) == "[global]\nextra-index-url = https://two.test/simple\n"
    assert pip_conf(["[global]\nextra-index-url = file:///opt/one\n"], {}, ca=False) == ""


def test_npm_settings() -> None:
    text = "registry=https://npm.test/\n//npm.test/:_authToken=${TOKEN}\nfund=false\n; note\n@x:registry = https://x.test\n"
    assert npmrc([text], {"TOKEN": "t0ken", "npm_config_proxy": "http://proxy.test:3128"}, ca=True) == (
        "cafile=/run/build-host/ca-certificates.crt\n"
        "registry=https://npm.test/\n"
        "//npm.test/:_authToken=t0ken\n"
        "@x:registry=https://x.test\n"
        "proxy=http://proxy.test:3128\n"
    )


def test_nothing_set_is_nothing_lent() -> None:
    assert (pip_conf([], {}, ca=False), npmrc([], {}, ca=False), apt_conf({"http": ""}, ca=False)) == (
        "",
        "",
        "",
    )


def test_apt_settings() -> None:
    assert apt_conf({"http": "http://proxy.test:3142", "https": ""}, ca=True) == (
        'Acquire::http::Proxy "http://proxy.test:3142";\n'
        'Acquire::https::CAInfo "/run/build-host/ca-certificates.crt";\n'
    )


RELEASES = b"""\
Origin: Debian
Suite: stable
Date: Sat, 21 Nov 2026 09:30:00 UTC
Valid-Until: Sat, 28 Nov 2026 09:30:00 UTC
-----BEGIN PGP SIGNATURE-----
Origin: Debian
Codename: trixie-security
Date: Mon, 23 Nov 2026 21:05:09 +0000
"""


def test_state_of_a_mirror_is_that_of_its_newest_release_file() -> None:
    state = debian_state(RELEASES)
    assert state.date == "2026-11-23T21:05:09Z"
    assert state.digest == f"sha256:{hashlib.sha256(RELEASES).hexdigest()}"
    assert debian_state(RELEASES.replace(b"21:05:09", b"21:05:10")).digest != state.digest


@pytest.mark.parametrize("text", [b"", b"Date: yesterday\n", b"\xff"])
def test_a_mirror_that_tells_no_date(text: bytes) -> None:
    assert debian_state(text).date == ""
