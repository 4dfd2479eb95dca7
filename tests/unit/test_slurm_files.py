"""The Slurm container's entrypoint (what it writes) and the configuration that it and the hub read."""

from __future__ import annotations

import re
import shlex
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brics_envs.config.dev_users import parse_dev_users, projects_by_user
from brics_envs.plan.ports import SLURMD_PORTS
from tests.support.lone_modules import load_module

ROOT = Path(__file__).resolve().parents[2]
SLURM = ROOT / "k8s/components/slurm"
SSH_CONFIG = ROOT / "k8s/base/ssh/ssh_config"
BUILD = ROOT / "build/slurm"
SERVICES = BUILD / "services"


slurm_files = load_module(BUILD / "slurm_files.py")
entrypoint = load_module(BUILD / "slurm_entrypoint.py")


def _settings(path: Path, keyword: str) -> list[str]:
    lines = [line.split() for line in path.read_text().splitlines()]
    return [word for line in lines if line and line[0].lower() == keyword.lower() for word in line[1:]]


# --- Users.


def test_accounts_are_those_of_dev_users_sorted() -> None:
    users = parse_dev_users("user2.project1\nuser1.project2\nuser2.project0\n", "dev_users")
    names = slurm_files.account_names(projects_by_user(users))
    assert names == ["user1.project2", "user2.project0", "user2.project1"]


@pytest.mark.parametrize(
    "name", ["user1", "user1.p.q", "../x.project1", "root:x.p", "User.p", "a b.p", ".p", "u."]
)
def test_a_name_that_is_no_user_of_a_project_is_refused(name: str) -> None:
    with pytest.raises(slurm_files.SetupError, match=r"USER\.PROJECT"):
        slurm_files.account_names({"x": {"p.brics": {"name": "Project p", "username": name}}})


def test_users_get_the_next_ids_and_those_with_a_home_keep_theirs() -> None:
    recorded = {"b.p": 20000, "gone.p": 20007}
    accounts = slurm_files.assign_uids(["c.p", "a.p", "b.p"], recorded)
    assert {account.name: account.uid for account in accounts} == {"b.p": 20000, "a.p": 20008, "c.p": 20009}


def test_a_home_of_root_or_of_another_user_records_nothing() -> None:
    accounts = slurm_files.assign_uids(["a.p", "b.p", "c.p"], {"a.p": 0, "b.p": 20003, "c.p": 20003})
    assert {account.name: account.uid for account in accounts} == {"a.p": 20004, "b.p": 20003, "c.p": 20005}


names = st.from_regex(r"[a-z_][a-z0-9_-]{0,5}\.[a-z_][a-z0-9_-]{0,5}", fullmatch=True)


@given(st.sets(names), st.sets(names), st.dictionaries(names, st.integers(0, 20020)))
def test_ids_are_unique_stable_and_never_those_of_a_user_who_is_gone(
    first: set[str], second: set[str], recorded: dict[str, int]
) -> None:
    before = {account.name: account.uid for account in slurm_files.assign_uids(first, recorded)}
    homes = recorded | before
    after = {account.name: account.uid for account in slurm_files.assign_uids(second, homes)}
    assert all(uid >= slurm_files.FIRST_UID for uid in after.values())
    assert len(set(after.values())) == len(after)
    assert all(after[name] == before[name] for name in first & second)
    new = second - homes.keys()
    assert not {after[name] for name in new} & set(homes.values())


FILES = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nold.p:x:20000:20000::/home/p/old.p:/bin/bash\n",
    "shadow": "root:*:1:0:99999:7:::\nold.p:*:1:0:99999:7:::\n",
    "group": "root:x:0:\njupyterusers:x:999:old.p\nold.p:x:20000:\n",
    "gshadow": "root:*::\njupyterusers:!::old.p\nold.p:!::\n",
}


def test_account_files_have_the_users_of_now_and_no_earlier_ones() -> None:
    files = slurm_files.account_files(FILES, [slurm_files.Account("new.p", 20001)])
    assert files["passwd"].splitlines()[1:] == ["new.p:x:20001:20001::/home/p/new.p:/bin/bash"]
    assert files["group"].splitlines()[1:] == ["jupyterusers:x:999:new.p", "new.p:x:20001:"]
    assert files["gshadow"].splitlines()[1:] == ["jupyterusers:!::new.p", "new.p:!::"]
    assert files["shadow"].splitlines()[1].startswith("new.p:*:")
    assert "old" not in "".join(files.values())


def test_account_files_are_the_same_the_second_time() -> None:
    accounts = [slurm_files.Account("a.p", 20000), slurm_files.Account("b.p", 20001)]
    once = slurm_files.account_files(FILES, accounts)
    assert slurm_files.account_files(once, accounts) == once


# --- What a daemon or sudo reads.


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("slurm-wlm 24.11.5", "CgroupPlugin=disabled\n"),
        ("slurm 23.02.1", "CgroupPlugin=disabled\n"),
        ("slurm-wlm 22.05.8", None),
        ("slurm-wlm 21.08.5", None),
    ],
)
def test_cgroups_are_switched_off_where_slurm_knows_the_setting(version: str, expected: str | None) -> None:
    assert slurm_files.cgroup_conf(version) == expected


def test_the_containers_name_means_its_loopback_alone() -> None:
    hosts = "127.0.0.1 localhost n1\n10.0.0.2\tslurm pod # added\n10.0.0.3 slurm\n::1 localhost\n"
    expected = "127.0.0.1 slurm\n127.0.0.1 localhost n1\n10.0.0.2 pod\n::1 localhost\n"
    assert slurm_files.hosts_on_loopback(hosts, "slurm") == expected
    assert slurm_files.hosts_on_loopback(expected, "slurm") == expected


def test_sudo_allows_the_wrappers_without_arguments_as_members_of_the_group_only() -> None:
    rules = slurm_files.sudoers("/opt/w/bin/").splitlines()
    allowed = [line for line in rules if line.startswith("jupyterspawner ")]
    commands = ", ".join(f'/opt/w/bin/slurmspawner_{name} ""' for name in ("sbatch", "squeue", "scancel"))
    assert allowed == [f"jupyterspawner ALL = (%jupyterusers) NOPASSWD: {commands}"]
    assert 'Defaults:jupyterspawner env_keep = "SLURMSPAWNER_JOB_ID"' in rules


@pytest.mark.parametrize(
    "folder", ["bin", "/opt/w bin", "/opt/*", "/a, ALL = (ALL) NOPASSWD: ALL", "/a\nb", ""]
)
def test_a_folder_that_would_mean_something_to_sudo_is_refused(folder: str) -> None:
    with pytest.raises(slurm_files.SetupError, match="slurmSpawnerWrappersBin"):
        slurm_files.sudoers(folder)


def test_no_variable_travels_over_ssh() -> None:
    assert not _settings(SSH_CONFIG, "SendEnv")
    assert not _settings(SSH_CONFIG, "SetEnv")
    assert not _settings(SLURM / "sshd_config", "AcceptEnv")


@pytest.mark.parametrize(
    ("path", "keyword", "value"),
    [
        (SLURM / "sshd_config", "ListenAddress", "127.0.0.1"),
        (SLURM / "sshd_config", "AllowUsers", "jupyterspawner"),
        (SLURM / "sshd_config", "AuthenticationMethods", "publickey"),
        (SLURM / "sshd_config", "LogLevel", "INFO"),
        (SSH_CONFIG, "StrictHostKeyChecking", "yes"),
        (SSH_CONFIG, "BatchMode", "yes"),
        (SSH_CONFIG, "LogLevel", "ERROR"),
    ],
)
def test_settings_on_which_security_rests(path: Path, keyword: str, value: str) -> None:
    assert _settings(path, keyword) == [value]


def test_slurm_has_the_paths_of_the_container() -> None:
    pairs = (word.partition("=") for word in shlex.split((SLURM / "slurm.conf").read_text(), comments=True))
    conf = {key: value for key, _, value in pairs}
    assert conf["StateSaveLocation"].startswith("/var/spool/slurm/")
    assert conf["SlurmctldLogFile"].startswith(f"{slurm_files.LOG}/")
    assert set(conf["CommunicationParameters"].split(",")) == {"NoInAddrAny", "NoCtldInAddrAny"}
    assert "%n" in conf["SlurmdSpoolDir"]


@pytest.mark.parametrize(
    ("settings", "processors", "expected"),
    [
        (("2", "gpu:gh200:4", "5"), 2, slurm_files.Nodes(2, 5, 4, "gh200")),
        (("1", "gpu:4", "32"), 2, slurm_files.Nodes(1, 64, 4)),
        (("16", "", "1"), 2, slurm_files.Nodes(16, 1)),
    ],
)
def test_nodes_have_together_what_the_machine_has(
    settings: tuple[str, str, str], processors: int, expected: object
) -> None:
    named = dict(zip(("slurmNodes", "slurmGpus", "slurmCpuOvercommit"), settings, strict=True))
    assert slurm_files.nodes(named, processors) == expected


def test_nodes_have_names_ports_and_gpus() -> None:
    cluster = slurm_files.Nodes(2, 5, 4, "gh200")
    assert slurm_files.nodes_conf(cluster).splitlines() == [
        f"NodeName={name} NodeAddr=127.0.0.1 Port={port} CPUs=5 RealMemory=256000 Gres=gpu:gh200:4 State=UNKNOWN"
        for name, port in (("n1", 6818), ("n2", 6819))
    ]
    assert slurm_files.gres_conf(cluster).splitlines() == [
        f"NodeName={name} Name=gpu Type=gh200 File=/dev/fakegpu[0-3]" for name in ("n1", "n2")
    ]
    without = slurm_files.Nodes(1, 2)
    assert "Gres" not in slurm_files.nodes_conf(without)
    assert slurm_files.gres_conf(without) == ""


def test_every_node_that_a_deployment_can_have_is_known_to_the_pod() -> None:
    pod = (SLURM / "pod.yaml").read_text()
    assert all(f"        - {name}\n" in pod for name in slurm_files.Nodes(16, 1).names)
    assert SLURMD_PORTS.stop >= slurm_files.FIRST_SLURMD_PORT + 16


# --- The supervised services.


def test_every_script_of_the_services_can_be_executed() -> None:
    scripts = [path for path in SERVICES.rglob("*") if path.name in ("run", "check", "SIGTERM")]
    assert len([path for path in scripts if path.name == "run"]) == 8
    assert all(path.stat().st_mode & stat.S_IXUSR for path in scripts)


def test_stopping_the_container_ends_every_service() -> None:
    services = sorted(path.name for path in SERVICES.iterdir() if not path.name.startswith("."))
    stop = (SERVICES / ".s6-svscan/SIGTERM").read_text()
    for loop in re.findall(r"(?:for service in|-t 1500) ([a-z ]+);?\n", stop):
        assert sorted([*loop.replace("; do", "").split(), "associations"]) == services
    assert "for service in associations slurmd-*; do" in stop


def test_the_firewall_means_the_users_and_the_ports_of_the_pod() -> None:
    rules = (SLURM / "firewall.nft").read_text()
    assert f"meta skuid >= {slurm_files.FIRST_UID} " in rules
    services = f"{{ 8081, {SLURMD_PORTS.start - 1}-{SLURMD_PORTS.stop - 1} }}"
    assert f"tcp dport != {services} jump refused" in rules


def test_reservations_are_a_line_each_with_a_name() -> None:
    text = "# for the course\nReservationName=course.1 Users=a.b StartTime=now Duration=60 Nodes=n2\n\n"
    expected = ["ReservationName=course.1", "Users=a.b", "StartTime=now", "Duration=60", "Nodes=n2"]
    assert slurm_files.reservations(text) == {"course.1": expected}
    for wrong in ("Users=a.b", "ReservationName=", "ReservationName=a\nReservationName=a"):
        with pytest.raises(slurm_files.SetupError, match="ReservationName"):
            slurm_files.reservations(wrong)
