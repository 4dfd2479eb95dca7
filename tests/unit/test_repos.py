"""``--repo`` values, and where a dev repository's files come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from brics_envs.config.repos import (
    BuiltinChoice,
    Credentials,
    GitUrl,
    PathChoice,
    RepoChoice,
    UrlChoice,
    parse_choices,
    parse_url,
    without_credentials,
)
from brics_envs.errors import BAD_INPUT, FAILED, ConfigError, EnvsError
from brics_envs.plan.repos import (
    ExistingClone,
    MakeClone,
    Situation,
    TryDefault,
    UseDirectory,
    comparable,
    decide,
    settle,
)

NAME = "bricsauthenticator"
DEFAULT = GitUrl("https://git.test/org/bricsauthenticator.git")
SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "src" / "auth"
    path.mkdir(parents=True)
    (path / "pyproject.toml").touch()
    return path


def one(value: str, base: Path = Path("/")) -> RepoChoice:
    (choice,) = parse_choices([f"{NAME}={value}"], base)
    return choice


@pytest.mark.parametrize(
    ("value", "url", "ref"),
    [
        ("https://git.test/org/repo.git", "https://git.test/org/repo.git", None),
        ("https://git.test/org/repo.git@v1.2", "https://git.test/org/repo.git", "v1.2"),
        ("https://git.test/org/repo@feature%2Fx", "https://git.test/org/repo", "feature/x"),
        ("https://git.test:8443/a@b/repo", "https://git.test:8443/a@b/repo", None),
        ("ssh://git@git.test/org/repo.git@main", "ssh://git@git.test/org/repo.git", "main"),
        ("git@git.test:org/repo.git", "git@git.test:org/repo.git", None),
        ("git@git.test:org/repo.git@v1", "git@git.test:org/repo.git", "v1"),
        ("git@git.test:repo@v1", "git@git.test:repo", "v1"),
        ("file:///srv/repo@" + SHA, "file:///srv/repo", SHA),
        ("git://git.test/repo", "git://git.test/repo", None),
    ],
)
def test_urls(value: str, url: str, ref: str | None) -> None:
    assert one(value) == UrlChoice(NAME, GitUrl(url), ref)


def test_credentials_leave_the_url_and_are_not_shown() -> None:
    choice = one("https://me:s%40cret@git.test:8443/org/repo.git@v1")
    assert isinstance(choice, UrlChoice)
    assert (choice.url.url, choice.ref) == ("https://git.test:8443/org/repo.git", "v1")
    assert choice.url.credentials == Credentials("me", "s@cret")
    assert "cret" not in f"{choice!r} {choice.url}"
    token = parse_url("https://TOKEN@git.test/org/repo")
    assert (token.url, token.credentials) == ("https://git.test/org/repo", Credentials("TOKEN", ""))


@pytest.mark.parametrize(
    "value",
    [
        "https://me:SECRET@git.test/a?b",
        "htps://SECRET@git.test/a",
        "https://me:SE/SECRET@git.test/a",
        "https://me:SE/SECRET@git.test",
        "https://SECRET@git.test:port/a@v1",
        "https://SECRET@",
        "https://me:%0aSECRET@git.test/a",
        "ssh://me:SECRET@git.test/a",
        "https://a@SECRET@git.test/a@v..1",
    ],
)
def test_credentials_are_not_in_errors_either(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_choices([f"{NAME}={value}", f"{value}=x"], Path("/"))
    assert "SECRET" not in str(caught.value)
    assert "SECRET" not in repr(caught.value.__context__)


def test_a_ref_is_not_taken_for_credentials() -> None:
    assert without_credentials("https://git.test/org/repo@v1") == "https://git.test/org/repo@v1"


def test_paths_are_absolute_and_without_links(package: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(package)
    for value in ("src/auth", "./link", str(package), "src/../src/auth/"):
        assert one(value, tmp_path) == PathChoice(NAME, package)


def test_home(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(package.parent))
    assert one("~/auth") == PathChoice(NAME, package)


def test_builtin_and_several(package: Path) -> None:
    values = [f"{NAME}=builtin", f"slurmspawner_wrappers={package}"]
    assert parse_choices(values, Path("/")) == (
        BuiltinChoice(NAME),
        PathChoice("slurmspawner_wrappers", package),
    )
    assert parse_choices([], Path("/")) == ()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("bricsauthenticator", "missing `NAME=`"),
        ("authenticator=builtin", "'authenticator' is not a dev repository"),
        (f"{NAME}=", "missing value after `=`"),
        (f"{NAME}=https://git.test/repo@", "missing REF after `@`"),
        (f"{NAME}=https://git.test/repo@-x", "'-x' is not the name of a branch, tag or commit"),
        (f"{NAME}=https://git.test/repo@a b", "'a b' is not the name"),
        (f"{NAME}=ftp://git.test/repo", "ftp:// cannot be cloned"),
        (f"{NAME}=ext::sh -c id", "not a URL that can be cloned"),
        (f"{NAME}=-oProxyCommand=id:x", "not a URL that can be cloned"),
        (f"{NAME}=ssh://-oProxyCommand=id/x", "the URL has no host"),
        (f"{NAME}=https:///repo", "the URL has no host"),
        (f"{NAME}=file://srv/repo", "needs an absolute path"),
        (f"{NAME}=https://git.test/repo?x=1", "must not have ? or #"),
        (f"{NAME}=/no/such/place", "/no/such/place does not exist"),
        (f"{NAME}=/etc/passwd", "/etc/passwd is not a directory"),
        (f"{NAME}=/etc", "/etc is not a Python package: it has neither pyproject.toml nor setup.py"),
        (f"{NAME}=a\nb", "unprintable"),
        (f"{NAME}=~nobody-of-this-name/x", "home"),
    ],
)
def test_bad_values(value: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_choices([value], Path("/"))
    assert problem in str(caught.value)
    assert "bricsauthenticator or slurmspawner_wrappers" in caught.value.hint
    assert caught.value.exit_status == BAD_INPUT


def test_a_ref_behind_a_path_is_explained(package: Path) -> None:
    with pytest.raises(ConfigError, match=f"write file://{package}@REF"):
        one(f"{package}@v1")


def test_all_problems_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_choices(["x=1", f"{NAME}=builtin", f"{NAME}=builtin", "y"], Path("/"))
    assert len(caught.value.message.splitlines()) == 3
    assert "given twice" in caught.value.message


def situation(existing: ExistingClone | None = None, *, kept_builtin: bool = False) -> Situation:
    return Situation(NAME, Path("/p"), DEFAULT, existing, kept_builtin)


CLONE = Path("/p/_dev_build_data", NAME)
BUILTIN = Path("/p/packages", NAME)
URL = UrlChoice(NAME, GitUrl("file:///srv/repo.git"), "v1")


@pytest.mark.parametrize("existing", [None, ExistingClone(None), ExistingClone("file:///else")])
@pytest.mark.parametrize("allow_builtin", [True, False])
def test_a_path_and_builtin_come_before_everything(existing: ExistingClone, allow_builtin: bool) -> None:
    for choice, directory in ((PathChoice(NAME, Path("/x")), Path("/x")), (BuiltinChoice(NAME), BUILTIN)):
        decision = decide(situation(existing, kept_builtin=True), choice, allow_builtin=allow_builtin)
        assert isinstance(decision, UseDirectory)
        assert (decision.directory, decision.fallback) == (directory, False)


def test_an_existing_directory_is_used_whatever_it_is() -> None:
    for existing in (ExistingClone(None), ExistingClone("file:///else", "v9")):
        decision = decide(situation(existing, kept_builtin=True), None, allow_builtin=True)
        assert isinstance(decision, UseDirectory)
        assert (decision.directory, decision.fallback) == (CLONE, False)


def test_a_url_is_cloned_if_there_is_no_clone() -> None:
    assert decide(situation(), URL, allow_builtin=False) == MakeClone(NAME, CLONE, URL.url, "v1")


@pytest.mark.parametrize(
    "existing",
    [
        ExistingClone("file:///srv/repo.git", "v1", frozenset({"main"})),
        ExistingClone("file:///srv/repo/", None, frozenset({"v1", SHA})),
        ExistingClone("/srv/repo.git", "v1"),
    ],
)
def test_an_equal_clone_is_used(existing: ExistingClone) -> None:
    decision = decide(situation(existing), URL, allow_builtin=True)
    assert isinstance(decision, UseDirectory)
    assert decision.directory == CLONE


@pytest.mark.parametrize(
    ("existing", "ref", "problem"),
    [
        (ExistingClone(None), None, "is not a clone of file:///srv/repo.git"),
        (ExistingClone("file:///srv/other"), None, "is a clone of file:///srv/other, not of"),
        (ExistingClone("file:///srv/repo", ""), "v1", "exists at the default branch, not at v1"),
        (ExistingClone("file:///srv/repo", "v1"), None, "exists at v1, not at the default branch"),
        (ExistingClone("file:///srv/repo", "v1", frozenset({"v2"})), "v2", "exists at v1, not at v2"),
        (
            ExistingClone("file:///srv/repo", None, frozenset({"main", SHA})),
            "v2",
            f"at {SHA} or main, not at v2",
        ),
        (ExistingClone("file:///srv/repo", None, frozenset({SHA})), SHA[:6], "not at 012345"),
    ],
)
def test_another_clone_is_refused(existing: ExistingClone, ref: str | None, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decide(situation(existing), UrlChoice(NAME, URL.url, ref), allow_builtin=True)
    assert problem in caught.value.message


def test_a_clone_made_by_hand_matches_by_commit_or_without_ref() -> None:
    existing = ExistingClone(URL.url.url, None, frozenset({SHA}))
    for ref in (SHA, SHA[:7], None):
        assert isinstance(
            decide(situation(existing), UrlChoice(NAME, URL.url, ref), allow_builtin=True), UseDirectory
        )


def test_the_default_is_tried_unless_the_instance_keeps_the_builtin() -> None:
    assert decide(situation(), None, allow_builtin=True) == TryDefault(situation())
    kept = decide(situation(kept_builtin=True), None, allow_builtin=True)
    assert isinstance(kept, UseDirectory)
    assert (kept.directory, kept.fallback) == (BUILTIN, True)
    assert "`invoke clone` tries" in kept.why
    # prod never keeps what it was not told to use.
    assert decide(situation(kept_builtin=True), None, allow_builtin=False) == TryDefault(
        situation(kept_builtin=True)
    )


def test_reachable_default_is_cloned() -> None:
    assert settle(TryDefault(situation()), "", allow_builtin=True) == MakeClone(NAME, CLONE, DEFAULT, None)


def test_unreachable_default_falls_back_in_one_line() -> None:
    decision = settle(TryDefault(situation()), "no route", allow_builtin=True)
    assert isinstance(decision, UseDirectory)
    assert (decision.directory, decision.fallback) == (BUILTIN, True)
    assert "\n" not in decision.why
    assert f"{DEFAULT} cannot be reached (no route): using the built-in package" in decision.why


def test_unreachable_default_is_an_error_where_builtins_are_not_allowed() -> None:
    with pytest.raises(EnvsError) as caught:
        settle(TryDefault(situation()), "no route", allow_builtin=False)
    assert caught.value.exit_status == FAILED
    assert f"--repo {NAME}=builtin" in caught.value.hint


@pytest.mark.parametrize(
    ("one_url", "other"),
    [
        ("https://GIT.test/a/b.git", "https://git.test/a/b/"),
        ("https://me:pw@git.test/a", "https://git.test/a"),
        ("file:///srv/a", "/srv/a.git"),
    ],
)
def test_equal_places_compare_equal(one_url: str, other: str) -> None:
    assert comparable(one_url) == comparable(other)


def test_different_places_differ() -> None:
    urls = ["https://git.test/a", "https://git.test/A", "http://git.test/a", "ssh://me@git.test/a", "/a"]
    assert len({comparable(url) for url in urls}) == len(urls)
