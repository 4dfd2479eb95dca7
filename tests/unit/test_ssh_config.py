"""A deployment's ssh_config: what may stand in it, and what ssh makes of what is let through."""

from __future__ import annotations

from pathlib import Path

import pytest

from brics_envs.config.ssh_config import NO_SSH_CONFIG, SshHosts, load_ssh_config
from brics_envs.errors import ConfigError

HOST = "ssh.example.org"


def load(directory: Path, text: str) -> SshHosts:
    """What is read from a file with this text."""
    (directory / "ssh_config").write_text(text)
    return load_ssh_config(directory / "ssh_config", HOST)


def problems(directory: Path, text: str) -> list[str]:
    """The problems of a file with this text, without its directory."""
    with pytest.raises(ConfigError) as refused:
        load(directory, text)
    return [line.removeprefix(f"{directory}/") for line in refused.value.message.splitlines()]


def test_a_deployment_needs_none(tmp_path: Path) -> None:
    assert load_ssh_config(tmp_path / "ssh_config", HOST) == NO_SSH_CONFIG
    assert NO_SSH_CONFIG.render() == ""
    assert load(tmp_path, "# nothing\n\n").render() == ""


@pytest.mark.parametrize(
    "host_line", ["", "Host *\n", f"Host {HOST}\n", "Host slurm\n", "host=SSH.*.org other\n"]
)
def test_port_user_and_jump_host_are_set_whatever_the_host_is_called(tmp_path: Path, host_line: str) -> None:
    other = "Host other jump.example.org\n" if "other" in host_line else ""
    text = f"{host_line.replace(' other', '')}Port 2222\n  user = svc\nProxyJump me@jump.example.org:2200\n{other}"
    hosts = load(tmp_path, text)
    expected = "Host slurm\n    Port 2222\n    User svc\n    ProxyJump me@jump.example.org:2200\n"
    jump = "" if host_line != "Host *\n" else "Host jump.example.org\n    Port 2222\n    User svc\n"
    assert hosts.render() == expected + jump
    assert hosts.port == "2222"
    assert hosts.jumps == (("jump.example.org", "2200"),)


def test_jump_hosts_have_settings_of_their_own(tmp_path: Path) -> None:
    text = (
        "Port 2222\nProxyJump first,second\nHost first\n  HostName 192.0.2.1\n  User one\n"
        "Host second\n  Port 24\nHost *\n User svc\n"
    )
    hosts = load(tmp_path, text)
    assert hosts.jumps == (("192.0.2.1", "22"), ("second", "24"))
    assert hosts.settings["slurm"]["User"] == "svc"
    assert hosts.settings["first"] == {"HostName": "192.0.2.1", "User": "one"}
    assert hosts.settings["second"] == {"Port": "24", "User": "svc"}


@pytest.mark.parametrize(
    "line",
    [
        "ProxyCommand nc %h %p",
        "LocalCommand id",
        "PermitLocalCommand yes",
        "KnownHostsCommand /bin/id",
        "RemoteCommand id",
        "PKCS11Provider /tmp/x.so",
        "SecurityKeyProvider /tmp/x.so",
        "XAuthLocation /tmp/x",
        "Match exec id",
        "Include /etc/passwd",
        "IdentityFile /tmp/key",
        "IdentityAgent /tmp/agent",
        "CertificateFile /tmp/x",
        "StrictHostKeyChecking no",
        "UserKnownHostsFile /dev/null",
        "GlobalKnownHostsFile /tmp/x",
        "ForwardAgent yes",
        "LocalForward 1 a:2",
        "RemoteForward 1 a:2",
        "DynamicForward 1",
        "SendEnv *",
        "SetEnv A=b",
        "ControlPath /tmp/x",
        "ControlMaster no",
        "LogLevel DEBUG3",
        "BatchMode no",
        "proxycommand=id",
        '"ProxyCommand" id',
        "Nonsense yes",
    ],
)
def test_what_may_not_stand_in_it(tmp_path: Path, line: str) -> None:
    (problem,) = problems(tmp_path, f"# first\nPort 22\n{line}\n")
    assert problem.startswith("ssh_config:3: ")


@pytest.mark.parametrize(
    "line",
    [
        "Port 0",
        "Port 65536",
        "Port 22 23",
        "Port",
        "User a;id",
        "User -oProxyCommand=id",
        "User $(id)",
        "ProxyJump none:x",
        "ProxyJump -oProxyCommand=id",
        "ProxyJump a b",
        "ProxyJump 'a;id'",
        "ProxyJump ssh://a",
        "ConnectTimeout 0",
        "ConnectTimeout 21",
        "Ciphers a b",
        "HostName elsewhere",
        "User 'a",
        "Host",
        "Host unknown",
    ],
)
def test_bad_values_are_refused_with_their_line(tmp_path: Path, line: str) -> None:
    (problem,) = problems(tmp_path, f"Port 22\n{line}\n")
    assert problem.startswith("ssh_config:2: ")


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, "Port x\nProxyCommand id\nHost nobody\n  User 1\n")
    assert [problem.split(":")[1] for problem in found] == ["1", "2", "3", "4"]
