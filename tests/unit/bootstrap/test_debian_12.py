"""podman on Debian 12 comes from Debian 13."""

import os
import pty

import pytest

from tests.support.bootstrap_machine import BOOKWORM, Machine


@pytest.fixture
def bookworm(ready: Machine) -> Machine:
    ready.functions["release"] = 'echo "debian 12"'
    ready.functions["write_as_root"] = f'cat > {ready.home}/"${{1##*/}}"'
    ready.program("podman", "echo podman version 4.3.1")
    ready.program(
        "apt-get",
        f"case $* in *indextargets*) cat {ready.targets}; exit;; esac; "
        f'echo "apt-get $*" >> {ready.log}; case $* in *install*) '
        f"printf '#!/bin/sh\\necho podman version 5.4.2\\n' > {ready.bin}/podman;; esac",
    )
    return ready


def written(machine: Machine, name: str) -> str:
    return (machine.home / f"brics-jupyterhub-envs-trixie{name}").read_text()


def test_podman_comes_from_debian_13_by_the_hosts_own_mirrors(bookworm: Machine) -> None:
    done = bookworm.run("--yes", "true")
    assert done.returncode == 0, done.stderr
    assert written(bookworm, "") == "Package: *\nPin: release n=trixie*\nPin-Priority: 100\n"
    stanzas = written(bookworm, ".sources").strip().split("\n\n")
    assert sorted(stanzas) == [
        f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\nSigned-By: /keys/debian.gpg"
        for uri, suite in [
            ("http://mirror.test/debian/", "trixie"),
            ("http://mirror.test/debian/", "trixie-updates"),
            ("http://mirror.test/security/", "trixie-security"),
        ]
    ]
    assert bookworm.logged()[-1].endswith("-t trixie podman")


def test_an_older_apt_does_not_know_the_keys(bookworm: Machine) -> None:
    bookworm.targets.write_text("http://mirror.test/debian/|bookworm|$(CODENAME)|$(SIGNED_BY)|main\n")
    assert bookworm.run("--yes", "true").returncode == 0
    expected = "Types: deb\nURIs: http://mirror.test/debian/\nSuites: trixie\nComponents: main\n"
    assert written(bookworm, ".sources").strip() == expected.strip()


def test_a_host_that_has_debian_13_already_keeps_its_configuration(bookworm: Machine) -> None:
    bookworm.targets.write_text(BOOKWORM + "http://mirror.test/debian/|trixie|trixie||main\n")
    done = bookworm.run("true")
    assert done.returncode == 0, done.stderr
    assert not list(bookworm.home.glob("*trixie*"))


def test_no_mirror_is_an_error_that_says_so(bookworm: Machine) -> None:
    bookworm.targets.write_text("http://other.test/tools/|stable|tools||main\n")
    done = bookworm.run("--yes", "true")
    assert done.returncode == 1
    assert "no Debian mirror" in done.stderr


def test_lists_that_cannot_be_fetched_leave_no_trace(bookworm: Machine) -> None:
    bookworm.program("apt-get", f"case $* in *indextargets*) cat {bookworm.targets};; *) exit 100;; esac")
    bookworm.functions["as_root"] = f'[ "$1" != rm ] || echo "$*" >> {bookworm.log}; [ "$1" = rm ] || "$@"'
    done = bookworm.run("--yes", "true")
    assert done.returncode == 1
    assert "both files were removed again" in done.stderr
    assert "trixie.sources" in bookworm.logged()[0]


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("Yes", 0), ("n", 1), ("", 1)])
def test_it_asks_at_a_terminal(bookworm: Machine, answer: str, status: int) -> None:
    keyboard, terminal = pty.openpty()
    os.write(keyboard, f"{answer}\n".encode())
    done = bookworm.run("true", stdin=terminal)
    os.close(keyboard)
    os.close(terminal)
    assert done.returncode == status, done.stderr
    assert "go on? [y/N]" in done.stderr
    assert bool(list(bookworm.home.glob("*trixie.sources"))) == (status == 0)


def test_yes_does_not_ask(bookworm: Machine) -> None:
    keyboard, terminal = pty.openpty()
    done = bookworm.run("--yes", "true", stdin=terminal)
    os.close(keyboard)
    os.close(terminal)
    assert done.returncode == 0
    assert "go on?" not in done.stderr
