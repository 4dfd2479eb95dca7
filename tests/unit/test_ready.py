"""What the messages of ssh and sudo mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from brics_envs.lifecycle.ready import ssh_words
from brics_envs.lifecycle.tunnels import nadir_words
from brics_envs.plan.record import Record, parse_record

APPLIED = Record(
    environment="dev_dummyauth_extslurm",
    url="",
    base_url="/jupyter/",
    issuer="",
    account="a.p",
    slurm_host="slurm.example.org",
    wrappers="/opt/w/bin",
)


@pytest.mark.parametrize(
    ("stderr", "meaning"),
    [
        (
            "Host key verification failed.",
            "the host key of slurm.example.org is not the one in ssh_known_hosts",
        ),
        (
            "jupyterspawner@slurm.example.org: Permission denied (publickey).",
            "slurm.example.org does not let the service account in with ssh_client_key",
        ),
        (
            "sudo: a password is required",
            "sudo on slurm.example.org does not let the service account run /opt/w/bin/slurmspawner_squeue as a.p",
        ),
        (
            "sudo: unknown user a.p\nsudo: error initializing audit plugin",
            "slurm.example.org has no account a.p",
        ),
        (
            "ssh: Could not resolve hostname slurm.example.org: Name or service not known",
            "slurm.example.org cannot be found",
        ),
        *(
            (
                f"ssh: connect to host slurm.example.org port 22: {reason}",
                "slurm.example.org cannot be reached over SSH",
            )
            for reason in (
                "Connection refused",
                "Connection timed out",
                "No route to host",
                "Network is unreachable",
            )
        ),
    ],
)
def test_known_messages_are_explained_and_shown(stderr: str, meaning: str) -> None:
    assert ssh_words(stderr, APPLIED) == f"{meaning} ({stderr.splitlines()[-1]})"


def test_others_are_shown_as_they_are() -> None:
    assert ssh_words("squeue: error: something else", APPLIED) == "squeue: error: something else"


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("Host key verification failed.", "the server's host key is not the one in ssh_nadir_known_hosts"),
        (
            "nadir@192.0.2.1: Permission denied (publickey).",
            "the server does not let nadir in with ssh_nadir_key",
        ),
        (
            "Error: remote port forwarding failed for listen port 8000",
            "the server does not forward its port 8000: another has it, or it may not",
        ),
        ("ssh: connect to host n.example port 22: Connection refused", ""),
    ],
)
def test_what_nadirs_client_says_is_explained_and_shown(state: str, meaning: str) -> None:
    assert nadir_words(state) == (f"{meaning} ({state})" if meaning else state)


def test_a_forwarded_address_is_asked_for_on_this_machine() -> None:
    record = replace(
        APPLIED, url="http://localhost:9000/jupyter/", issuer="http://localhost:9090", forwarded="8000"
    )
    assert record.ports == {"localhost:9000": 8000, "localhost:9090": 8090}
    assert parse_record(record.to_json()) == record
    assert parse_record(APPLIED.to_json()) == APPLIED
    assert "forwarded" not in APPLIED.to_json()
    assert APPLIED.ports == {}
