"""An instance's record of its sources: what is kept, what is called a change, and how it is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brics_envs.config.repos import (
    BuiltinChoice,
    GitUrl,
    PathChoice,
    RepoChoice,
    UrlChoice,
    choice_of,
    choice_text,
    parse_choices,
)
from brics_envs.plan.sources import (
    CLONE,
    RepoSource,
    Sources,
    changes,
    parse_kept_builtins,
    parse_sources,
    with_sources,
)

ROOT = Path(__file__).resolve().parents[2]
AUTH, WRAPPERS = "bricsauthenticator", "slurmspawner_wrappers"
URL = "https://git.test/org/repo.git"


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (BuiltinChoice(AUTH), "builtin"),
        (PathChoice(AUTH, Path("/home/me/with@at")), "/home/me/with@at"),
        (UrlChoice(AUTH, GitUrl(URL), None), URL),
        (UrlChoice(AUTH, GitUrl(URL), "feature/x"), f"{URL}@feature%2Fx"),
        (UrlChoice(AUTH, GitUrl("git@git.test:repo"), "v1"), "git@git.test:repo@v1"),
        (UrlChoice(AUTH, GitUrl("file:///srv/repo"), "v1"), "file:///srv/repo@v1"),
    ],
)
def test_what_was_asked_for_is_written_down_and_read(choice: RepoChoice, text: str) -> None:
    assert choice_text(choice) == text
    assert choice_of(AUTH, text) == choice


def test_credentials_are_not_written_down() -> None:
    (choice,) = parse_choices([f"{AUTH}=https://me:s3cret@git.test/org/repo@v1"], Path("/"))
    assert choice_text(choice) == "https://git.test/org/repo@v1"


RECORD = Sources(
    "dev",
    {"jupyterhub": "local", "slurm": "registry"},
    {AUTH: RepoSource("/home/me/auth", asked=True), WRAPPERS: RepoSource("builtin", tried=URL)},
)


def test_a_plain_up_keeps_what_was_asked_for_and_only_that() -> None:
    assert RECORD.kept_choices([]) == (PathChoice(AUTH, Path("/home/me/auth")),)
    assert RECORD.kept_builtins() == {WRAPPERS: URL}


def test_what_is_asked_for_now_comes_first() -> None:
    assert RECORD.kept_choices([BuiltinChoice(AUTH)]) == (BuiltinChoice(AUTH),)


def test_builtin_that_was_asked_for_is_kept_too() -> None:
    record = Sources("prod", {}, {AUTH: RepoSource("builtin", asked=True)})
    assert record.kept_choices([]) == (BuiltinChoice(AUTH),)
    assert record.kept_builtins() == {}


def test_changes_are_named() -> None:
    now = RECORD.updated(
        {"jupyterhub": "registry", "debian": "local"}, {AUTH: RepoSource("builtin", asked=True)}
    )
    assert changes(RECORD, now) == [
        "base image of jupyterhub: local → registry",
        f"{AUTH}: /home/me/auth → built-in",
    ]
    assert changes(now, RECORD)[-1] == f"{AUTH}: built-in → /home/me/auth"


def test_what_is_new_or_the_same_in_other_words_is_no_change() -> None:
    assert changes(Sources("dev"), RECORD) == []
    asked = RECORD.updated({}, {WRAPPERS: RepoSource("builtin", asked=True)})
    assert changes(RECORD, asked) == []


def test_clones_are_named_by_their_place() -> None:
    now = RECORD.updated({}, {WRAPPERS: RepoSource(CLONE)})
    assert changes(RECORD, now) == [f"{WRAPPERS}: built-in → _dev_build_data/{WRAPPERS}"]


def test_what_an_environment_does_not_need_stays_in_the_record() -> None:
    assert RECORD.updated({}, {}) == RECORD


def test_json_and_back() -> None:
    assert parse_sources(RECORD.to_json()) == RECORD


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "null", '{"stage": "dev"}', RECORD.to_json().replace("local", "elsewhere")]
    + [
        json.dumps({"stage": "dev", "bases": {}, "repositories": {AUTH: source}})
        for source in (1, {}, {"source": "x"})
    ],
)
def test_what_is_no_record_counts_as_none(text: str) -> None:
    assert parse_sources(text) is None


def test_older_versions_record_is_understood() -> None:
    record = parse_kept_builtins(json.dumps({AUTH: URL, "unknown": "x"}))
    assert record == Sources("dev", {}, {AUTH: RepoSource("builtin", tried=URL)})
    assert parse_kept_builtins("") is None


def test_the_pod_carries_the_record() -> None:
    pod = {"kind": "Pod", "metadata": {"name": "p"}}
    (annotated,) = with_sources([pod], RECORD)
    assert parse_sources(annotated["metadata"]["annotations"]["brics.sources"]) == RECORD
    assert "annotations" not in pod["metadata"]
