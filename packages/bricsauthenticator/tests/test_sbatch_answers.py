"""What sbatch says when it fails: refusals are shown, and nothing else is called one."""

from __future__ import annotations

import pytest
from bricsauthenticator.sbatch_answers import MAX_SHOWN, Failure, failure
from hypothesis import given
from hypothesis import strategies as st

FAILED = "sbatch: error: Batch job submission failed: "
NOBODY_KNOWS = Failure()


@pytest.mark.parametrize(
    ("stderr", "shown"),
    [
        (f"{FAILED}Invalid partition name specified", "Invalid partition name specified"),
        (
            "Shared connection to slurm closed.\n"
            f"sbatch: error: invalid partition specified: gpu2\n{FAILED}Invalid partition name specified\n",
            "invalid partition specified: gpu2\nInvalid partition name specified",
        ),
        (f"{FAILED}Requested reservation is invalid", "Requested reservation is invalid"),
        (
            f"{FAILED}Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
            "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
        ),
        (f"{FAILED}Access/permission denied", "Access/permission denied"),
        (f"{FAILED}Unspecified error", "Unspecified error"),
        (
            "sbatch: error: Bitte gib ein Projekt an.\nsbatch: error: Mehr dazu: https://hpc.example/projekte\n"
            f"{FAILED}Unspecified error",
            "Bitte gib ein Projekt an.\nMehr dazu: https://hpc.example/projekte",
        ),
        (
            f"sbatch: error: 申请的资源超过限额。\n请减少 GPU 数量。\n{FAILED}Unspecified error\n",
            "申请的资源超过限额。\n请减少 GPU 数量。",
        ),
        (
            f"sbatch: error: The queue is closed: please try again after the time-out.\n{FAILED}Unspecified error",
            "The queue is closed: please try again after the time-out.",
        ),
        (f"sbatch: error: a\x1b[31mred\x07\r\n{FAILED}Unspecified error", "ared"),
        ("sbatch: error: Invalid --mem specification", "Invalid --mem specification"),
        (
            "sbatch: unrecognized option '--nosuch=foo'\nTry \"sbatch --help\" for more information",
            "unrecognized option '--nosuch=foo'",
        ),
        (
            "sbatch: error: No jobs for tests here.\nsbatch: error: cli_filter plugin terminated with error",
            "No jobs for tests here.",
        ),
    ],
)
def test_a_decision_is_shown(stderr: str, shown: str) -> None:
    assert failure(stderr) == Failure(refusal=shown)


OUTAGES = [
    "",
    "ssh: connect to host slurm port 22: Connection refused",
    "Connection to slurm closed by remote host.",
    "timeout: sending signal TERM to command 'ssh'",
    "sudo: a password is required",
    "sudo: /etc/sudoers.d/brics is owned by uid 1, should be 0",
    f"{FAILED}Unable to contact slurm controller (connect failure)",
    f"{FAILED}Unable to contact slurm controller (receive failure)",
    f"{FAILED}Socket timed out on send/recv operation",
    f"sbatch: error: slurm_receive_msg: Socket timed out on send/recv operation\n{FAILED}Unspecified error",
    f"sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n{FAILED}"
    "Resource temporarily unavailable",
    "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying",
    "sbatch: error: Slurm job queue full, sleeping and retrying",
    "sbatch: error: Job creation temporarily disabled, retrying",
    'sbatch: error: Munge encode failed: Failed to access "/run/munge/munge.socket.2": No such file or directory'
    " (retrying ...)\nsbatch: error: If munged is up, restart with --num-threads=10\n"
    'sbatch: error: Munge encode failed: Failed to access "/run/munge/munge.socket.2"\n'
    "sbatch: error: slurm_send_node_msg: auth_g_create: REQUEST_SUBMIT_BATCH_JOB has authentication error\n"
    f"{FAILED}Protocol authentication error",
    f"{FAILED}Slurm backup controller in standby mode",
    f"{FAILED}Controller is in standby mode, try a different controller",
    f"{FAILED}Zero Bytes were transmitted or received",
    f"{FAILED}Unable to create job record, try again",
    f"{FAILED}I/O error writing script/environment to file",
    f"{FAILED}Rate limit exceeded, please retry momentarily",
    f"{FAILED}Unable to connect to database",
    f"{FAILED}Connection refused",
    f"{FAILED}No route to host",
    f"{FAILED}Cannot allocate memory",
    f"{FAILED}Invalid authentication credential",
    "sbatch: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\n"
    "sbatch: error: fetch_config: DNS SRV lookup failed\n"
    "sbatch: error: _establish_config_source: failed to fetch config\n"
    "sbatch: fatal: Could not establish a configuration source",
    "sbatch: error: Invalid user for SlurmUser slurm, ignored\nsbatch: fatal: Unable to process configuration file",
    "bash: /usr/bin/sbatch: No such file or directory",
    "slurmspawner_sbatch: error: cannot run sbatch: No such file or directory",
]


@pytest.mark.parametrize("stderr", OUTAGES)
def test_an_outage_is_no_refusal(stderr: str) -> None:
    assert failure(stderr) == NOBODY_KNOWS


@pytest.mark.parametrize(
    "stderr",
    [
        "sudo: unable to change directory to /home/p1/a.p1: No such file or directory\nsudo: unable to execute x: …",
        "sudo: unable to change directory to /home/p1/a.p1: Permission denied",
        "sbatch: error: Invalid directory: /home/p1/a.p1",
    ],
)
def test_a_home_that_is_not_there_is_named(stderr: str) -> None:
    assert failure(stderr) == Failure(home="/home/p1/a.p1")


def test_long_words_are_cut() -> None:
    shown = failure(f"sbatch: error: {'x' * 5000}\n{FAILED}Unspecified error").refusal
    assert len(shown) == MAX_SHOWN
    assert shown.endswith("…")


@given(st.text(), st.sampled_from(OUTAGES))
def test_any_words_have_some_meaning(text: str, outage: str) -> None:
    assert len(failure(text).refusal) <= MAX_SHOWN
    assert not failure(f"{text}\n{outage}").refusal or "sbatch" in text
