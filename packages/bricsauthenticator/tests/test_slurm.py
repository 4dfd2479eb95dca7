"""What Slurm's commands say."""

from __future__ import annotations

import contextlib

import pytest
from bricsauthenticator.slurm import (
    FORGOTTEN,
    NOTHING_KNOWN,
    Job,
    JobState,
    Row,
    ending,
    in_queue,
    parse_all,
    parse_list,
    parse_sbatch,
    parse_squeue,
    parse_squeue_error,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("output", "job"),
    [
        ("RUNNING n1", Job(JobState.RUNNING, "n1")),
        ("RUNNING nid-001.cluster.example", Job(JobState.RUNNING, "nid-001.cluster.example")),
        ("Welcome to the cluster!\n\nRUNNING n1\n", Job(JobState.RUNNING, "n1")),
        ("COMPLETING n1", Job(JobState.RUNNING, "n1")),
        ("SUSPENDED n1", Job(JobState.RUNNING, "n1")),
        ("PENDING ", Job(JobState.PENDING)),
        ("PENDING n/a", Job(JobState.PENDING)),
        ("PENDING (null)", Job(JobState.PENDING)),
        ("CONFIGURING n1", Job(JobState.PENDING)),
        ("", Job(JobState.GONE)),
        (" \n", Job(JobState.GONE)),
        ("COMPLETED n1", Job(JobState.GONE)),
        ("CANCELLED n1", Job(JobState.GONE)),
        ("NODE_FAIL n1", Job(JobState.GONE)),
        ("TIMEOUT n1", Job(JobState.GONE)),
        ("RUNNING", NOTHING_KNOWN),
        ("RUNNING n/a", NOTHING_KNOWN),
        ("RUNNING $(id)", NOTHING_KNOWN),
        ("RUNNING -n1", NOTHING_KNOWN),
        ("RUNNING n1 n2", NOTHING_KNOWN),
        ("SOMETHING_NEW n1", NOTHING_KNOWN),
        ("Your password will expire in 3 days.", NOTHING_KNOWN),
    ],
)
def test_squeue(output: str, job: Job) -> None:
    assert parse_squeue(output) == job


@pytest.mark.parametrize(
    ("stderr", "state"),
    [
        ("slurm_load_jobs error: Invalid job id specified", JobState.GONE),
        ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)", JobState.UNKNOWN),
        ("slurm_load_jobs error: Socket timed out on send/recv operation", JobState.UNKNOWN),
        ("ssh: connect to host slurm port 2222: Connection refused", JobState.UNKNOWN),
        ("sudo: a password is required", JobState.UNKNOWN),
        ("", JobState.UNKNOWN),
    ],
)
def test_only_slurm_itself_can_say_that_a_job_is_gone(stderr: str, state: JobState) -> None:
    assert parse_squeue_error(stderr) == (FORGOTTEN if state is JobState.GONE else Job(state))


@pytest.mark.parametrize("output", ["12", "12;cluster", "warning: x\n12", "12\r"])
def test_sbatch(output: str) -> None:
    assert parse_sbatch(output) == "12"


@pytest.mark.parametrize(
    "output",
    [
        "",
        "0",
        "Submitted batch job 12",
        "12 13",
        "12;",
        "-12",
        "1_2",
        "12;$(id)",
        "12\nx",
        "9" * 11,
        "\N{FULLWIDTH DIGIT ONE}",
    ],
)
def test_what_is_no_job_id(output: str) -> None:
    with pytest.raises(ValueError, match="no job ID"):
        parse_sbatch(output)


def test_list() -> None:
    output = (
        "Welcome!\n12@RUNNING@None@jupyterhub:ab\n13@FAILED@NonZeroExitCode@(null)\n"
        "14@PENDING@ReqNodeNotAvail, UnavailableNodes:n[1-2]@a@b\n15_1@RUNNING@None@x\n"
    )
    rows = parse_list(output)
    assert rows == [
        Row("12", "RUNNING", "None", "jupyterhub:ab"),
        Row("13", "FAILED", "NonZeroExitCode", "(null)"),
        Row("14", "PENDING", "ReqNodeNotAvail, UnavailableNodes:n[1-2]", "a@b"),
    ]
    assert [in_queue(row) for row in rows] == [True, False, True]
    assert [ending(row) for row in rows] == [
        "RUNNING",
        "FAILED (NonZeroExitCode)",
        "PENDING (ReqNodeNotAvail, UnavailableNodes:n[1-2])",
    ]


def test_all() -> None:
    output = "Welcome!\n12@RUNNING@n1\n13@FAILED@n1\n14@PENDING@n/a\n15@SOMETHING_NEW@n1\n16_1@RUNNING@n1\n"
    assert parse_all(output) == {
        "12": Job(JobState.RUNNING, "n1"),
        "13": Job(JobState.GONE),
        "14": Job(JobState.PENDING),
        "15": NOTHING_KNOWN,
    }


@given(st.text())
def test_any_output_says_something_or_nothing(text: str) -> None:
    assert parse_squeue(text).state in JobState
    assert parse_squeue_error(text).state in JobState
    parse_list(text)
    parse_all(text)
    with contextlib.suppress(ValueError):
        assert parse_sbatch(text).isdigit()
