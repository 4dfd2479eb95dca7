"""bootstrap's decisions, on machines that the tests make up from scripts."""

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.isolation import PROGRAMS

ROOT = Path(__file__).resolve().parents[2]

ALL_PROGRAMS = (
    *("runc", "crun", "conmon", "netavark", "aardvark-dns", "catatonit", "nft", "mmdebstrap", "git"),
    *("newuidmap", "pasta"),
)

PYTHON = """\
[ "$2" = venv ] || exit 0
echo "venv $*" >> LOG
directory=${!#}/bin
mkdir -p "$directory"
cat > "$directory/python" <<'EOF'
#!/bin/bash
[ "$3" != install ] || { echo "pip $*" >> LOG; exit PIP_STATUS; }
EOF
chmod +x "$directory/python"
"""
"""Plays python3, and makes an environment whose python plays pip."""

BOOKWORM = """\
http://mirror.test/debian/|bookworm|bookworm|/keys/debian.gpg|main
http://mirror.test/debian/|bookworm-updates|bookworm-updates|/keys/debian.gpg|main
http://mirror.test/security/|bookworm-security|bookworm-security|/keys/debian.gpg|main
http://other.test/tools/|stable|tools||main
http://mirror.test/debian/|bookworm|bookworm|/keys/debian.gpg|contrib
"""


class Machine:
    """A checkout with bootstrap in it, on a machine that the test describes."""

    def __init__(self, tmp_path):
        self.home = tmp_path
        self.root = tmp_path / "checkout"
        self.bin = tmp_path / "bin"
        self.log = tmp_path / "log"
        self.log.touch()
        self.functions = {
            "id": 'if [ "$1" = -u ]; then echo 0; else echo root; fi',
            "uname": 'if [ "$1" = -s ]; then echo Linux; else echo 6.12.1; fi',
            "release": 'echo "debian 13"',
            "have_package_lists": "true",
            "find_program": 'command -v "$1"',
            "certificates_fact": "fact ok certificates here base ca-certificates",
        }
        (self.root / "requirements").mkdir(parents=True)
        (self.root / "requirements/project.txt").write_text("invoke==1 --hash=sha256:00\n")
        shutil.copy(ROOT / "bootstrap", self.root)
        self.bin.mkdir()
        for name in ALL_PROGRAMS:
            self.program(name, "exit 0")
        self.program("podman", "echo podman version 5.4.2")
        self.program("sudo", f'echo "sudo $*" >> {self.log}; [ "$1" = -n ] || exec "$@"')
        self.program(
            "apt-get",
            f'case $* in *indextargets*) cat {tmp_path}/targets;; *) echo "apt-get $*" >> {self.log};; esac',
        )
        self.targets = tmp_path / "targets"
        self.targets.write_text(BOOKWORM)
        self.python(pip_status=0)

    def python(self, *, pip_status):
        self.program("python3", PYTHON.replace("LOG", str(self.log)).replace("PIP_STATUS", str(pip_status)))

    def program(self, name, text):
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def without(self, *names):
        for name in names:
            (self.bin / name).unlink()

    def installing(self, *names):
        """Let apt-get make these programs appear."""
        made = "; ".join(
            f"printf '#!/bin/sh\\n' > {self.bin}/{name}; chmod +x {self.bin}/{name}" for name in names
        )
        self.program(
            "apt-get",
            f"case $* in *indextargets*) cat {self.targets}; exit;; esac; "
            f'echo "apt-get $*" >> {self.log}; case $* in *install*) {made};; esac',
        )

    def call(self, script, *, stdin=subprocess.DEVNULL, **environment):
        functions = "\n".join(f"{name}() {{ {body}\n}}" for name, body in self.functions.items())
        harmless = os.environ["PATH"]
        return subprocess.run(
            ["bash", "-c", f"source {self.root}/bootstrap\n{functions}\n{script}"],
            check=False,
            capture_output=True,
            text=True,
            stdin=stdin,
            timeout=30,
            env={"PATH": f"{self.bin}:{harmless}", "HOME": str(self.home), **environment},
        )

    def run(self, *args, **options):
        return self.call(" ".join(["main", *map(str, args)]), **options)

    def logged(self):
        return self.log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path):
    assert not {"podman", "git", "apt-get", "sudo"} & PROGRAMS
    return Machine(tmp_path)


@pytest.fixture
def ready(machine):
    assert machine.run("true").returncode == 0
    machine.log.write_text("")
    return machine


def test_first_run_makes_the_environment_from_the_lock(machine):
    done = machine.run("true")
    assert done.returncode == 0, done.stderr
    lock = machine.root / "requirements/project.txt"
    assert [line.split()[0] for line in machine.logged()] == ["venv", "pip"]
    assert "--require-hashes" in machine.logged()[1]
    assert machine.logged()[1].endswith(f"--requirement {lock}")
    assert "making the Python environment" in done.stderr


def test_second_run_changes_nothing_and_says_nothing(ready):
    done = ready.run("printf", "%s", "done")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done", "")
    assert ready.logged() == []


def test_the_command_runs_in_the_environment(ready):
    done = ready.run("bash", "-c", "'echo $VIRTUAL_ENV ${PATH%%:*}'")
    assert done.stdout.split() == [str(ready.root / ".venv"), str(ready.root / ".venv/bin")]


def test_the_commands_exit_status_and_arguments_are_its_own(ready):
    assert ready.run("bash", "-c", "'exit 7'").returncode == 7
    assert ready.run("printf", "%s,", "--yes", "'a b'").stdout == "--yes,a b,"


def test_a_changed_lock_is_installed_over_the_environment(ready):
    (ready.root / "requirements/project.txt").write_text("invoke==2 --hash=sha256:00\n")
    assert ready.run("true").returncode == 0
    assert [line.split()[0] for line in ready.logged()] == ["pip"]


def test_a_moved_checkout_gets_a_new_environment(ready):
    moved = ready.root.with_name("moved")
    ready.root.rename(moved)
    ready.root = moved
    assert ready.run("true").returncode == 0
    assert [line.split()[0] for line in ready.logged()] == ["venv", "pip"]
    assert "--clear" in ready.logged()[0]


def test_an_installation_that_failed_is_done_again(machine):
    machine.python(pip_status=1)
    done = machine.run("true")
    assert done.returncode == 1
    assert "error: the Python packages could not be installed" in done.stderr
    machine.python(pip_status=0)
    assert machine.run("true").returncode == 0
    assert [line.split()[0] for line in machine.logged()] == ["venv", "pip", "venv", "pip"]


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("4.9.3", "ok"),
        ("4.10.0-dev", "ok"),
        ("5.0.0", "ok"),
        ("10.1", "ok"),
        ("4.3.1", "old"),
        ("3.14.2", "old"),
    ],
)
def test_podman_versions(machine, version, state):
    machine.program("podman", f"echo podman version {version}")
    assert machine.call("podman_fact").stdout == f"{state}|podman 4.9 or newer|{version}|containers|podman\n"


def test_a_podman_that_does_not_start(machine):
    machine.program("podman", "exit 126")
    assert machine.call("podman_fact").stdout.startswith(
        "old|podman 4.9 or newer|a podman that does not start|"
    )


@pytest.mark.parametrize(
    ("programs", "only_v2", "fact"),
    [
        (("crun", "runc"), True, "ok|container runtime|crun|containers|crun"),
        (("runc",), True, "ok|container runtime|runc|containers|crun"),
        ((), True, "lacks|container runtime|nothing|containers|crun"),
        (("crun", "runc"), False, "ok|container runtime for cgroup v1|runc|containers|runc"),
        (("crun",), False, "lacks|container runtime for cgroup v1|nothing|containers|runc"),
    ],
)
def test_crun_will_not_do_with_cgroup_v1(machine, programs, only_v2, fact):
    machine.without(*({"crun", "runc"} - set(programs)))
    machine.functions["only_cgroup_v2"] = str(only_v2).lower()
    assert machine.call("runtime_fact").stdout.strip() == fact


def test_nothing_to_install_asks_neither_apt_nor_sudo(ready):
    ready.functions["id"] = 'if [ "$1" = -u ]; then echo 1000; else echo user; fi'
    ready.functions["rootless_facts"] = "true"
    assert ready.run("true").returncode == 0
    assert ready.logged() == []


def test_what_is_lacking_is_named_and_installed(ready):
    ready.without("git", "catatonit")
    ready.installing("git", "catatonit")
    done = ready.run("true")
    assert done.returncode == 0, done.stderr
    assert "bootstrap: installing: git" in done.stderr
    assert [line.split()[-1] for line in ready.logged()] == ["git", "catatonit"]


def test_old_package_lists_are_fetched_once(ready):
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


def test_a_failed_installation_shows_why(ready):
    ready.without("git")
    ready.program("apt-get", "echo E: no space left; exit 100")
    done = ready.run("true")
    assert done.returncode == 1
    assert "E: no space left" in done.stderr
    assert "error: the packages could not be installed" in done.stderr


def test_an_installation_that_brings_nothing_is_an_error(ready):
    ready.without("git")
    done = ready.run("true")
    assert done.returncode == 1
    assert "still lacking after the installation:\n  git (found: nothing): package git" in done.stderr


def test_sudo_installs_for_an_ordinary_user_with_the_proxies(ready):
    ready.without("git")
    ready.installing("git")
    ready.functions["id"] = 'if [ "$1" = -u ]; then echo 1000; else echo user; fi'
    ready.functions["rootless_facts"] = "true"
    assert ready.run("true", http_proxy="http://proxy.test:3128").returncode == 0
    install = [line for line in ready.logged() if line.startswith("sudo env")]
    assert install
    assert "http_proxy=http://proxy.test:3128" in install[0]


@pytest.mark.parametrize("release", ["fedora 42", "debian 11", "ubuntu 22.04", "Darwin"])
def test_elsewhere_it_says_what_to_install_and_stops(ready, release):
    ready.without("git", "podman")
    ready.functions["release"] = f'echo "{release}"'
    done = ready.run("true")
    assert done.returncode == 1
    assert "error: this machine lacks the following" in done.stderr
    assert "git (found: nothing): package git" in done.stderr
    assert "podman 4.9 or newer (found: nothing): package podman" in done.stderr
    assert ready.logged() == []


def test_elsewhere_with_everything_there_it_goes_on(ready):
    ready.functions["release"] = 'echo "fedora 42"'
    assert ready.run("true").returncode == 0


def test_neither_root_nor_sudo(ready):
    ready.without("git", "sudo")
    ready.functions["id"] = 'if [ "$1" = -u ]; then echo 1000; else echo user; fi'
    ready.functions["rootless_facts"] = "true"
    done = ready.run("true")
    assert done.returncode == 1
    assert "neither root nor able to use sudo" in done.stderr
    assert "  apt-get install git" in done.stderr
    assert ready.logged() == []


class TestDebian12:
    @pytest.fixture
    def bookworm(self, ready):
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

    def written(self, machine, name):
        return (machine.home / f"brics-jupyterhub-envs-trixie{name}").read_text()

    def test_podman_comes_from_debian_13_by_the_hosts_own_mirrors(self, bookworm):
        done = bookworm.run("--yes", "true")
        assert done.returncode == 0, done.stderr
        assert self.written(bookworm, "") == "Package: *\nPin: release n=trixie*\nPin-Priority: 100\n"
        stanzas = self.written(bookworm, ".sources").strip().split("\n\n")
        assert sorted(stanzas) == [
            f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\nSigned-By: /keys/debian.gpg"
            for uri, suite in [
                ("http://mirror.test/debian/", "trixie"),
                ("http://mirror.test/debian/", "trixie-updates"),
                ("http://mirror.test/security/", "trixie-security"),
            ]
        ]
        assert bookworm.logged()[-1].endswith("-t trixie podman")

    def test_an_older_apt_does_not_know_the_keys(self, bookworm):
        bookworm.targets.write_text("http://mirror.test/debian/|bookworm|$(CODENAME)|$(SIGNED_BY)|main\n")
        assert bookworm.run("--yes", "true").returncode == 0
        expected = "Types: deb\nURIs: http://mirror.test/debian/\nSuites: trixie\nComponents: main\n"
        assert self.written(bookworm, ".sources").strip() == expected.strip()

    def test_a_host_that_has_debian_13_already_keeps_its_configuration(self, bookworm):
        bookworm.targets.write_text(BOOKWORM + "http://mirror.test/debian/|trixie|trixie||main\n")
        done = bookworm.run("true")
        assert done.returncode == 0, done.stderr
        assert not list(bookworm.home.glob("*trixie*"))

    def test_no_mirror_is_an_error_that_says_so(self, bookworm):
        bookworm.targets.write_text("http://other.test/tools/|stable|tools||main\n")
        done = bookworm.run("--yes", "true")
        assert done.returncode == 1
        assert "no Debian mirror" in done.stderr

    def test_lists_that_cannot_be_fetched_leave_no_trace(self, bookworm):
        bookworm.program("apt-get", f"case $* in *indextargets*) cat {bookworm.targets};; *) exit 100;; esac")
        bookworm.functions["as_root"] = (
            f'[ "$1" != rm ] || echo "$*" >> {bookworm.log}; [ "$1" = rm ] || "$@"'
        )
        done = bookworm.run("--yes", "true")
        assert done.returncode == 1
        assert "both files were removed again" in done.stderr
        assert "trixie.sources" in bookworm.logged()[0]

    @pytest.mark.parametrize(("answer", "status"), [("y", 0), ("Yes", 0), ("n", 1), ("", 1)])
    def test_it_asks_at_a_terminal(self, bookworm, answer, status):
        keyboard, terminal = pty.openpty()
        os.write(keyboard, f"{answer}\n".encode())
        done = bookworm.run("true", stdin=terminal)
        os.close(keyboard)
        os.close(terminal)
        assert done.returncode == status, done.stderr
        assert "go on? [y/N]" in done.stderr
        assert bool(list(bookworm.home.glob("*trixie.sources"))) == (status == 0)

    def test_yes_does_not_ask(self, bookworm):
        keyboard, terminal = pty.openpty()
        done = bookworm.run("--yes", "true", stdin=terminal)
        os.close(keyboard)
        os.close(terminal)
        assert done.returncode == 0
        assert "go on?" not in done.stderr


class TestRootless:
    @pytest.fixture
    def user(self, ready):
        ready.functions["id"] = 'if [ "$1" = -u ]; then echo 1000; else echo user-of-the-test; fi'
        return ready

    def test_one_line_says_why_it_cannot_work_and_the_command_runs(self, user):
        done = user.run("printf", "%s", "done")
        assert done.stdout == "done"
        assert len(done.stderr.splitlines()) == 1
        start = "bootstrap: rootless cannot work: /etc/subuid has no line for user-of-the-test;"
        assert done.stderr.startswith(start)
        assert "; and /etc/subgid has no line" in done.stderr

    def test_its_packages_are_installed(self, user):
        user.without("newuidmap", "pasta")
        user.installing("newuidmap", "pasta")
        assert user.run("true").returncode == 0
        assert user.logged()[-1].endswith("passt uidmap")

    @pytest.mark.parametrize(
        ("kernel", "needed"), [("5.10.0-8-amd64", True), ("5.13.1", False), ("6.12.1", False)]
    )
    def test_fuse_overlayfs_is_for_old_kernels(self, user, kernel, needed):
        user.functions["uname"] = f"echo {kernel}"
        assert ("fuse-overlayfs" in user.call("rootless_facts").stdout) == needed

    def test_root_needs_none_of_it(self, ready):
        assert "rootless" not in ready.call("facts").stdout


def test_facts_are_four_columns_and_change_nothing(machine):
    machine.without("git")
    done = machine.run("--facts")
    assert done.returncode == 0
    assert {line.count("|") for line in done.stdout.splitlines()} == {3}
    assert "lacks|git|nothing|./bootstrap true installs git\n" in done.stdout
    assert "lacks|Python environment|nothing|./bootstrap true makes it\n" in done.stdout
    assert machine.logged() == []


def test_macos_needs_no_linux_parts(machine):
    machine.functions["uname"] = "echo Darwin"
    names = [line.split("|")[1] for line in machine.run("--facts").stdout.splitlines()]
    assert names == ["podman 4.9 or newer", "git", "Python 3.11 or newer with venv", "Python environment"]


@pytest.mark.parametrize("args", [[], ["--yes"], ["--wrong", "true"]])
def test_what_it_does_not_understand(machine, args):
    done = machine.run(*args)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")


def test_help(machine):
    assert "./bootstrap [--yes] COMMAND" in machine.run("--help").stdout
