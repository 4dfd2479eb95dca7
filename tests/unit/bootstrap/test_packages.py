"""What bootstrap installs, and where it can install nothing."""

import pytest

from tests.support.bootstrap_machine import Machine


def test_nothing_to_install_asks_neither_apt_nor_sudo(ready: Machine) -> None:
    ready.functions["id"] = 'if [ "$1" = -u ]; then echo 1000; else echo user; fi'
    ready.functions["rootless_facts"] = "true"
    assert ready.run("true").returncode == 0
    assert ready.logged() == []


def test_what_is_lacking_is_named_and_installed(ready: Machine) -> None:
    ready.without("git", "catatonit")
    ready.installing("git", "catatonit")
    done = ready.run("true")
    assert done.returncode == 0, done.stderr
    assert "bootstrap: installing: git" in done.stderr
    assert [line.split()[-1] for line in ready.logged()] == ["git", "catatonit"]


def test_old_package_lists_are_fetched_once(ready: Machine) -> None:
    ready.without("git")
    ready.program(
        "apt-get",
        f'echo "apt-get $*" >> {ready.log}; case $* in *update*) touch {ready.home}/fresh; exit;; esac; '
        f"[ -e {ready.home}/fresh ] || {{ echo E: 404; exit 100; }}; "
        f"printf '#!/bin/sh\\n' > {ready.bin}/git; chmod +x {ready.bin}/git",
    )
    done = ready.run("true")
    assert done.returncode == 0, done.stderr
    assert ["update" if "update" in line else line.split()[-1] for line in ready.logged()] == [
        "git",
        "update",
        "git",
    ]


def test_a_failed_installation_shows_why(ready: Machine) -> None:
    ready.without("git")
    ready.program("apt-get", "echo E: no space left; exit 100")
    done = ready.run("true")
    assert done.returncode == 1
    assert "E: no space left" in done.stderr
    assert "error: the packages could not be installed" in done.stderr


def test_an_installation_that_brings_nothing_is_an_error(ready: Machine) -> None:
    ready.without("git")
    done = ready.run("true")
    assert done.returncode == 1
    assert "still lacking after the installation:\n  git (found: nothing): package git" in done.stderr


def test_sudo_installs_for_an_ordinary_user_with_the_proxies(ready: Machine) -> None:
    ready.without("git")
    ready.installing("git")
    ready.functions["id"] = 'if [ "$1" = -u ]; then echo 1000; else echo user; fi'
    ready.functions["rootless_facts"] = "true"
    assert ready.run("true", http_proxy="http://proxy.test:3128").returncode == 0
    install = [line for line in ready.logged() if line.startswith("sudo env")]
    assert install
    assert "http_proxy=http://proxy.test:3128" in install[0]


@pytest.mark.parametrize("release", ["fedora 42", "debian 11", "ubuntu 22.04", "Darwin"])
def test_elsewhere_it_says_what_to_install_and_stops(ready: Machine, release: str) -> None:
    ready.without("git", "podman")
    ready.functions["release"] = f'echo "{release}"'
    done = ready.run("true")
    assert done.returncode == 1
    assert "error: this machine lacks the following" in done.stderr
    assert "git (found: nothing): package git" in done.stderr
    assert "podman 4.9 or newer (found: nothing): package podman" in done.stderr
    assert ready.logged() == []


def test_elsewhere_with_everything_there_it_goes_on(ready: Machine) -> None:
    ready.functions["release"] = 'echo "fedora 42"'
    assert ready.run("true").returncode == 0


def test_neither_root_nor_sudo(ready: Machine) -> None:
    ready.without("git", "sudo")
    ready.functions["id"] = 'if [ "$1" = -u ]; then echo 1000; else echo user; fi'
    ready.functions["rootless_facts"] = "true"
    done = ready.run("true")
    assert done.returncode == 1
    assert "neither root nor able to use sudo" in done.stderr
    assert "  apt-get install git" in done.stderr
    assert ready.logged() == []
