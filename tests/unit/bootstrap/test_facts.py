"""What bootstrap finds out about a machine."""

import pytest

from tests.support.bootstrap_machine import Machine


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
def test_podman_versions(machine: Machine, version: str, state: str) -> None:
    machine.program("podman", f"echo podman version {version}")
    assert machine.call("podman_fact").stdout == f"{state}|podman 4.9 or newer|{version}|containers|podman\n"


def test_a_podman_that_does_not_start(machine: Machine) -> None:
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
def test_crun_will_not_do_with_cgroup_v1(
    machine: Machine, programs: tuple[str, ...], only_v2: bool, fact: str
) -> None:
    machine.without(*({"crun", "runc"} - set(programs)))
    machine.functions["only_cgroup_v2"] = str(only_v2).lower()
    assert machine.call("runtime_fact").stdout.strip() == fact


def test_facts_are_four_columns_and_change_nothing(machine: Machine) -> None:
    machine.without("git")
    done = machine.run("--facts")
    assert done.returncode == 0
    assert {line.count("|") for line in done.stdout.splitlines()} == {3}
    assert "lacks|git|nothing|./bootstrap true installs git\n" in done.stdout
    assert "lacks|Python environment|nothing|./bootstrap true makes it\n" in done.stdout
    assert machine.logged() == []


def test_macos_needs_no_linux_parts(machine: Machine) -> None:
    machine.functions["uname"] = "echo Darwin"
    names = [line.split("|")[1] for line in machine.run("--facts").stdout.splitlines()]
    assert names == ["podman 4.9 or newer", "git", "Python 3.11 or newer with venv", "Python environment"]


# --- Rootless podman.


@pytest.fixture
def user(ready: Machine) -> Machine:
    ready.functions["id"] = 'if [ "$1" = -u ]; then echo 1000; else echo user-of-the-test; fi'
    return ready


def test_one_line_says_why_it_cannot_work_and_the_command_runs(user: Machine) -> None:
    done = user.run("printf", "%s", "done")
    assert done.stdout == "done"
    assert len(done.stderr.splitlines()) == 1
    start = "bootstrap: rootless cannot work: /etc/subuid has no line for user-of-the-test;"
    assert done.stderr.startswith(start)
    assert "; and /etc/subgid has no line" in done.stderr


@pytest.mark.parametrize(
    ("systemd", "lingers", "state"), [(True, False, "note"), (True, True, "ok"), (False, False, "ok")]
)
def test_pods_end_with_a_session_unless_it_lingers(
    user: Machine, systemd: bool, lingers: bool, state: str
) -> None:
    user.functions |= {"has_systemd": str(systemd).lower(), "lingers": str(lingers).lower()}
    (fact,) = [line for line in user.call("rootless_facts").stdout.splitlines() if "sessions" in line]
    assert fact.startswith(f"{state}|pods outlive user-of-the-test's sessions|")
    assert ("sudo loginctl enable-linger user-of-the-test" in fact) == (state == "note")


@pytest.mark.parametrize(
    ("controllers", "state", "lacking"),
    [
        ("cpuset cpu io memory pids", "ok", ""),
        ("memory pids", "note", "cpu"),
        ("cpuset pids", "note", "cpu and memory"),
        ("", "note", "cpu and memory"),
    ],
)
def test_controllers_that_limits_need(user: Machine, controllers: str, state: str, lacking: str) -> None:
    user.functions |= {"only_cgroup_v2": "true", "delegated_controllers": f"echo {controllers}"}
    (fact,) = [line for line in user.call("rootless_facts").stdout.splitlines() if "controllers" in line]
    assert fact.startswith(f"{state}|cgroup controllers|{controllers or 'none'}|")
    assert (f"can limit no {lacking};" in fact) == bool(lacking)


def test_cgroup_v1_limits_nothing_for_users(user: Machine) -> None:
    user.functions["only_cgroup_v2"] = "false"
    assert "note|cgroup controllers|cgroup v1|" in user.call("rootless_facts").stdout


def test_what_is_limited_alone_is_told_by_facts_and_stops_nothing(user: Machine) -> None:
    user.functions |= {"has_systemd": "true", "lingers": "false"}
    told = [line for line in user.run("--facts").stdout.splitlines() if line.startswith("note|pods")]
    assert len(told) == 1
    assert "|a pod ends when user-of-the-test signs out" in told[0]
    assert "signs out" not in user.run("true").stderr


def test_its_packages_are_installed(user: Machine) -> None:
    user.without("newuidmap", "pasta")
    user.installing("newuidmap", "pasta")
    assert user.run("true").returncode == 0
    assert user.logged()[-1].endswith("passt uidmap")


@pytest.mark.parametrize(
    ("kernel", "needed"), [("5.10.0-8-amd64", True), ("5.13.1", False), ("6.12.1", False)]
)
def test_fuse_overlayfs_is_for_old_kernels(user: Machine, kernel: str, needed: bool) -> None:
    user.functions["uname"] = f"echo {kernel}"
    assert ("fuse-overlayfs" in user.call("rootless_facts").stdout) == needed


def test_root_needs_none_of_it(ready: Machine) -> None:
    assert "rootless" not in ready.call("facts").stdout
