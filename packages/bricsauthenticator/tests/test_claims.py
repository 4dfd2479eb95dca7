"""Claims of a verified token, good and bad."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from bricsauthenticator.claims import REQUIRED, ClaimsError, Identity, normalise
from bricsauthenticator.names import Project, from_auth_state, to_auth_state
from forgery import BAD_SHORT_NAMES
from hypothesis import given
from hypothesis import strategies as st

PLATFORM = "brics.aip1.notebooks.shared"


def resource(username: Any = "alice.project1", name: Any = PLATFORM) -> dict[str, Any]:
    return {"name": name, "username": username}


def entry(*resources: Any, name: Any = "Project 1") -> dict[str, Any]:
    return {"name": name, "resources": list(resources)}


ONE_PROJECT = {"project1.brics": entry(resource())}


def claims(**changes: Any) -> dict[str, Any]:
    valid = {"aud": "a", "exp": 2, "iss": "i", "iat": 1, "short_name": "alice", "projects": ONE_PROJECT}
    return {name: value for name, value in {**valid, **changes}.items() if value is not ...}


def test_projects_with_an_account_on_the_platform_are_kept() -> None:
    projects = {
        "project1.brics": entry(resource("alice.project1"), resource("alice.p1", "other"), name="One & only"),
        "project2.brics": entry(resource("alice.project2", "other")),
        "project3.brics": entry(),
    }
    kept = {"project1.brics": Project("project1.brics", "One & only", "alice.project1")}
    assert normalise(claims(projects=projects), PLATFORM) == Identity("alice", kept)
    assert normalise(claims(projects=json.dumps(projects)), PLATFORM) == Identity("alice", kept)


def test_home_is_that_of_the_account_in_the_project() -> None:
    project = normalise(claims(), PLATFORM).projects["project1.brics"]
    assert project.homedir == "/home/project1/alice.project1"


def test_auth_state_holds_names_and_usernames() -> None:
    projects = normalise(claims(), PLATFORM).projects
    auth_state = to_auth_state(projects)
    assert auth_state == {"project1.brics": {"name": "Project 1", "username": "alice.project1"}}
    assert from_auth_state(json.loads(json.dumps(auth_state))) == projects


GOOD = {
    "float times": claims(exp=2.5, iat=1.25),
    "audience as a list": claims(aud=["a", "b"]),
    "further claims": claims(email="alice@example.org", groups=["x"]),
    "further members": claims(projects={"project1.brics": {**entry(resource()), "id": 7}}),
    "the same account twice": claims(projects={"project1.brics": entry(resource(), resource())}),
    "underscores and dashes": claims(
        short_name="_a-b_c", projects={"p_1-x.Brics-2.uk": entry(resource("_a-b_c.p_1-x"))}
    ),
    "one letter": claims(short_name="a", projects={"p.b": entry(resource("a.p"))}),
    "64 characters": claims(short_name="a" * 64, projects={"p.b": entry(resource(f"{'a' * 64}.p"))}),
    "a name in another script": claims(
        projects={"project1.brics": entry(resource(), name="プロジェクト <b>")}
    ),
}


@pytest.mark.parametrize("good", GOOD.values(), ids=GOOD)
def test_variations_that_are_accepted(good: dict[str, Any]) -> None:
    assert len(normalise(good, PLATFORM).projects) == 1


NO_PROJECT = {
    "empty": {},
    "empty string of JSON": "{}",
    "foreign": {"p.b": entry(resource("alice.p", "other"))},
}


@pytest.mark.parametrize("projects", NO_PROJECT.values(), ids=NO_PROJECT)
def test_no_project_is_no_error(projects: Any) -> None:
    assert normalise(claims(projects=projects), PLATFORM).projects == {}


ODD_TIMES: list[Any] = ["2", True, [2], {}, float("nan"), float("inf")]
ODD_NAMES: list[Any] = [7, True, ["alice"], {}, b"alice"]


BAD = {
    **{f"without {name}": claims(**{name: ...}) for name in REQUIRED},
    **{f"{name} null": claims(**{name: None}) for name in REQUIRED},
    **{f"short_name {name[:20]!a}": claims(short_name=name) for name in BAD_SHORT_NAMES},
    **{
        f"{name} is {value!r}": claims(**{name: value})
        for name in ("exp", "iat", "nbf")
        for value in ODD_TIMES
    },
    **{f"short_name is {value!r}": claims(short_name=value) for value in ODD_NAMES},
    **{
        f"projects is {ascii(value)[:30]}": claims(projects=value)
        for value in (
            7,
            True,
            [],
            [ONE_PROJECT],
            "",
            "null",
            "[]",
            "7",
            '"x"',
            "{",
            "not JSON",
            "[" * 100_000,
            json.dumps(json.dumps(ONE_PROJECT)),
        )
    },
    "a list": [claims()],
    "nothing": None,
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_everything_else_is_refused(bad: Any) -> None:
    with pytest.raises(ClaimsError):
        normalise(bad, PLATFORM)


def test_messages_do_not_quote_values() -> None:
    for bad in BAD.values():
        with pytest.raises(ClaimsError) as caught:
            normalise(bad, PLATFORM)
        assert str(caught.value).isascii()
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 120


REASONS = {
    "a project is not an object",
    "a project has no list of resources",
    "a project has several accounts on this platform",
    "a resource of a project is not an object with a name",
    "a resource of a project has no username",
    "a project's key is not of the form <project>.<portal>",
    "a project's name is not a string",
    "a project's username is not of the form <user>.<project>",
    "a project's username is that of another user",
}

ODD = [
    {"project1.brics": None},
    {"project1.brics": []},
    {"project1.brics": {"name": "x"}},
    {"project1.brics": {"name": "x", "resources": {}}},
    {"project1.brics": entry("x")},
    {"project1.brics": entry({"username": "alice.project1"})},
    {"project1.brics": entry({"name": 7, "username": "alice.project1"})},
    {"project1.brics": entry({"name": PLATFORM})},
    {"project1.brics": entry(resource(7))},
    {"project1.brics": entry(resource([]))},
    {"project1.brics": entry(resource(), name=None)},
    {"project1.brics": entry(resource(), name=7)},
    {"project1.brics": entry(resource(), resource("alice.project2"))},
    {"project1.brics": entry(resource("bob.project1"))},
    {"project1.brics": entry(resource("alice.project2"))},
    {"project1.brics": entry(resource("alice"))},
    {"project1.brics": entry(resource("alice.project1.x"))},
    {"project1.brics": entry(resource("root"))},
    {"project1": entry(resource())},
    {".brics": entry(resource("alice."))},
    {"project1.": entry(resource())},
    {"../x.brics": entry(resource("alice.../x"))},
    {"a b.brics": entry(resource("alice.a b"))},
    {"a$(id).brics": entry(resource("alice.a$(id)"))},
    {"-p.brics": entry(resource("alice.-p"))},
    {"p\n.brics": entry(resource("alice.p\n"))},
    {f"{'p' * 65}.brics": entry(resource(f"alice.{'p' * 65}"))},
    {7: entry(resource())},
    {"Project2.brics": entry(resource("alice.Project2"))},
    {"PROJECT2.BRICS": entry(resource())},
    {"project2.brics": entry([])},
    {"project2.brics": entry(None)},
    {"project2.brics": entry({"name": PLATFORM, "username": {"a": ["b"]}})},
    {"project2.brics": entry(resource("alice.project2"), name={"en": "x"})},
    {"project2.brics": entry(resource("alice.project2"), 7)},
    {"project2.brics": {"name": "x", "resources": [[resource("alice.project2")]]}},
    {"project2.brics": {"name": "x", "resources": json.dumps([resource("alice.project2")])}},
    {"project2.brics": "[" * 100},
    {"project2.brics": True},
    {"": entry(resource())},
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: ascii(odd)[:40])
def test_an_odd_project_is_left_out_and_the_others_remain(odd: dict[Any, Any]) -> None:
    good = {"good.brics": entry(resource("alice.good"))}
    for projects in (odd | good, good | odd):
        identity = normalise(claims(projects=projects), PLATFORM)
        assert list(identity.projects) == ["good.brics"]
        assert len(identity.left_out) == 1
    alone = normalise(claims(projects=odd), PLATFORM)
    assert (alone.projects, alone.left_out) == ({}, identity.left_out)


def test_what_is_said_twice_does_not_count() -> None:
    member, other = json.dumps(entry(resource("alice.p"))), json.dumps(entry(resource("alice.q")))
    inside = member.replace('"name"', '"name": "x", "name"', 1)
    text = f'{{"p.b": {member}, "q.b": {other}, "p.b": {member}, "r.b": {inside}}}'
    identity = normalise(claims(projects=text), PLATFORM)
    assert (list(identity.projects), len(identity.left_out)) == (["q.b"], 2)


def test_reasons_quote_nothing() -> None:
    for odd in ODD:
        for reason in normalise(claims(projects=odd), PLATFORM).left_out:
            assert reason in REASONS


def test_huge_numbers_do_no_harm() -> None:
    assert normalise(claims(exp=10**400), PLATFORM).projects


def test_titles_lose_what_cannot_be_shown() -> None:
    projects = {"project1.brics": entry(resource(), name="a\nb\ud800\x1b[31m" + "c" * 1000)}
    title = normalise(claims(projects=projects), PLATFORM).projects["project1.brics"].title
    assert title.startswith("a b  [31mcc")
    assert len(title) == 200
    title.encode()


names = st.one_of(
    st.text(max_size=8), st.sampled_from(["alice", "project1.brics", "alice.project1", PLATFORM])
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), names)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(names, st.sampled_from(["name", "resources", "username"])), inner, max_size=4
        ),
    ),
    max_leaves=20,
)


@given(values)
def test_any_value_gives_an_identity_or_the_one_error(value: Any) -> None:
    with contextlib.suppress(ClaimsError):
        normalise(value, PLATFORM)


@given(st.dictionaries(st.sampled_from(REQUIRED), values), st.booleans())
def test_any_change_gives_an_identity_or_the_one_error(changes: dict[str, Any], as_text: bool) -> None:
    changed = claims(**changes)
    if as_text and "projects" in changes:
        changed["projects"] = json.dumps(changes["projects"])
    try:
        identity = normalise(changed, PLATFORM)
    except ClaimsError:
        return
    for key, project in identity.projects.items():
        assert key == project.key
        assert project.username == f"{identity.short_name}.{project.name}"
        assert from_auth_state(to_auth_state(identity.projects))[key] == project


@given(st.text())
def test_any_text_of_projects_gives_an_identity_or_the_one_error(text: str) -> None:
    with contextlib.suppress(ClaimsError):
        normalise(claims(projects=text), PLATFORM)
