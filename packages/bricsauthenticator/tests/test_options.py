"""What a user may ask for, and the form."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from bricsauthenticator import form
from bricsauthenticator.names import Project, ProjectError, from_auth_state
from bricsauthenticator.options import FIELDS, JobOptions, Limits, OptionsError, from_form, validate
from hypothesis import given
from hypothesis import strategies as st

PROJECTS = {
    "project1.brics": Project("project1.brics", "Project 1", "alice.project1"),
    "project2.brics": Project("project2.brics", "Project <2> & \"'", "alice.project2"),
}
LIMITS = Limits(max_runtime=86_400, default_runtime="01:00:00", min_ngpus=0, max_ngpus=4, default_ngpus=1)


def options(**changes: Any) -> dict[str, Any]:
    valid = {
        "brics_project": "project1.brics",
        "runtime": "02:30:00",
        "ngpus": "2",
        "partition": "grace",
        "reservation": "",
    }
    return {**valid, **changes}


def test_what_is_asked_for_is_given() -> None:
    expected = JobOptions(PROJECTS["project1.brics"], "02:30:00", 2, "grace", "")
    assert validate(options(), PROJECTS, LIMITS) == expected
    assert validate(options(ngpus=2), PROJECTS, LIMITS) == expected
    assert validate(from_form({k: [v] for k, v in options().items()}), PROJECTS, LIMITS) == expected
    assert validate(expected.as_user_options(), PROJECTS, LIMITS) == expected


def test_all_but_the_project_has_a_default() -> None:
    expected = JobOptions(PROJECTS["project2.brics"], "01:00:00", 1, "", "")
    assert validate({"brics_project": "project2.brics"}, PROJECTS, LIMITS) == expected
    nulls = dict.fromkeys(FIELDS) | {"brics_project": "project2.brics"}
    assert validate(nulls, PROJECTS, LIMITS) == expected


@pytest.mark.parametrize(
    "good",
    [
        {"runtime": "24:00:00"},
        {"runtime": "00:00:01"},
        {"ngpus": "0"},
        {"ngpus": 4},
        {"ngpus": "04"},
        {"partition": "A-b_9"},
        {"partition": "a" * 64},
        {"reservation": "_r"},
    ],
)
def test_variations_that_are_accepted(good: dict[str, Any]) -> None:
    validate(options(**good), PROJECTS, LIMITS)


HOSTILE = [
    "a b",
    "a,b",
    "a;b",
    "$(id)",
    "`id`",
    "a\nb",
    "a\n",
    "-a",
    "--x",
    "{{cmd}}",
    "a" * 65,
    "é",
    "a'b",
    'a"',
]


def each(name: str, values: list[Any]) -> list[tuple[str, Any]]:
    return [(name, value) for value in values]


BAD: list[tuple[str, Any]] = [
    *each("brics_project", [None, "", "project3.brics", "project1", 7, True, ["project1.brics"], {}]),
    *each(
        "runtime",
        [
            "",
            "00:00:00",
            "24:00:01",
            "99:59:59",
            "1:00:00",
            "100:00:00",
            "01:60:00",
            "01:00:60",
            "01:00",
            "01-00:00:00",
            "01:00:00\n",
            " 01:00:00",
            "-1:00:00",
            "UNLIMITED",
            "\N{FULLWIDTH DIGIT ONE}1:00:00",
            "\N{ARABIC-INDIC DIGIT ONE}1:00:00",
            3600,
            True,
            ["01:00:00"],
            {},
        ],
    ),
    *each(
        "ngpus",
        [
            "",
            "-1",
            "5",
            "1.0",
            "1e0",
            "+1",
            " 1",
            "1\n",
            "0x1",
            "1_0",
            "\N{FULLWIDTH DIGIT ONE}",
            "\N{SUPERSCRIPT TWO}",
            "9" * 5000,
            -1,
            5,
            10**30,
            1.0,
            True,
            ["1"],
            {},
        ],
    ),
    *[
        (field, v)
        for field in ("partition", "reservation", "gpu_type", "account", "qos")
        for v in (*HOSTILE, 7, True, ["a"], {})
    ],
]


@pytest.mark.parametrize(("field", "value"), BAD, ids=lambda value: ascii(value)[:30])
def test_everything_else_is_refused(field: str, value: Any) -> None:
    with pytest.raises(OptionsError, match=field) as caught:
        validate(options(**{field: value}), PROJECTS, LIMITS)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "name", ["cmd", "username", "homedir", "_xsrf", "", "Runtime", "ngpus ", "x\n" * 100]
)
def test_anything_else_is_refused(name: str) -> None:
    with pytest.raises(OptionsError, match="there is no such option"):
        validate(options(**{name: "x"}), PROJECTS, LIMITS)


@pytest.mark.parametrize("value", [None, [], "x", 7, [("brics_project", "project1.brics")]])
def test_options_are_an_object(value: Any) -> None:
    with pytest.raises(OptionsError):
        validate(value, PROJECTS, LIMITS)


@pytest.mark.parametrize("values", [[], ["1", "2"], "1", None])
def test_form_fields_occur_once(values: Any) -> None:
    with pytest.raises(OptionsError):
        from_form({"ngpus": values})


def test_all_problems_are_told_at_once() -> None:
    bad = {"runtime": "x", "ngpus": "x", "partition": ";", "reservation": ";", "other": "x"}
    with pytest.raises(OptionsError) as caught:
        validate(bad, PROJECTS, LIMITS)
    named = ("brics_project", "runtime", "ngpus", "partition", "reservation", "other")
    assert all(field in str(caught.value) for field in named)
    lines = caught.value.for_form().splitlines()
    assert "Run time: 'x' is not a time of the form HH:MM:SS." in lines
    assert len(lines) == len(named)


def test_without_projects_the_message_says_so() -> None:
    with pytest.raises(OptionsError, match="sign in again"):
        validate(options(), {}, LIMITS)


keys = st.one_of(st.sampled_from(FIELDS), st.text(max_size=5), st.integers())
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=10),
    st.binary(max_size=5),
    st.sampled_from(["project1.brics", "01:00:00", "2", "grace"]),
)
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.dictionaries(st.text(max_size=3), scalars))


@given(st.one_of(values, st.dictionaries(keys, values)))
def test_any_options_are_safe_or_refused_with_the_one_error(value: Any) -> None:
    try:
        result = validate(value, PROJECTS, LIMITS)
    except OptionsError:
        return
    assert result.project in PROJECTS.values()
    assert re.fullmatch(r"[A-Za-z0-9_.:-]*", "".join(result.as_user_options().values()))


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.lists(st.text(max_size=5), max_size=3), values)))
def test_any_form_gives_options_or_the_one_error(submitted: dict[str, Any]) -> None:
    with contextlib.suppress(OptionsError):
        validate(from_form(submitted), PROJECTS, LIMITS)


@given(st.recursive(scalars, lambda inner: st.dictionaries(st.text(max_size=20), inner, max_size=3)))
def test_any_auth_state_gives_projects_or_the_one_error(value: Any) -> None:
    with contextlib.suppress(ProjectError):
        from_auth_state(value)


USUAL = ("brics_project", "runtime", "ngpus", "partition", "reservation")
"""The fields of a form that knows nothing of the cluster."""


class Fields(HTMLParser):
    """The elements of the form by ID, and what labels point at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: dict[str, dict[str, str | None]] = {}
        self.labelled: list[str | None] = []
        self.options: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append(tag)
        if attributes.get("id"):
            self.elements[attributes["id"] or ""] = attributes
        if tag == "label":
            self.labelled.append(attributes.get("for"))
        if tag == "option":
            self.options.append(attributes)


def test_every_field_is_there_labelled_and_described() -> None:
    fields = Fields(form.render(PROJECTS, LIMITS, {}))
    assert fields.labelled == list(USUAL)
    for name in USUAL:
        assert fields.elements[name]["name"] == name
        assert fields.elements[fields.elements[name]["aria-describedby"] or ""]
    assert [option["value"] for option in fields.options] == list(PROJECTS)
    assert "form" not in fields.tags


def test_the_form_as_rendered_is_accepted() -> None:
    fields = Fields(form.render(PROJECTS, LIMITS, {}))
    values: dict[str, Any] = {name: fields.elements[name]["value"] for name in USUAL[1:]}
    assert validate({"brics_project": fields.options[0]["value"], **values}, PROJECTS, LIMITS)


def test_the_options_of_last_time_are_shown_again() -> None:
    earlier = options(brics_project="project2.brics", ngpus=3)
    fields = Fields(form.render(PROJECTS, LIMITS, earlier))
    assert [("selected" in option) for option in fields.options] == [False, True]
    assert {name: fields.elements[name]["value"] for name in USUAL[1:]} == {
        "runtime": "02:30:00",
        "ngpus": "3",
        "partition": "grace",
        "reservation": "",
    }


EVIL = '"><script>alert(1)</script>'


def test_titles_and_input_are_escaped() -> None:
    projects = {"p.b": Project("p.b", EVIL, "alice.p")}
    html = form.render(projects, LIMITS, dict.fromkeys(FIELDS, EVIL) | {EVIL: EVIL})
    assert "<script" not in html
    assert Fields(html).elements["partition"]["value"] == EVIL


@given(st.dictionaries(st.sampled_from(FIELDS), values))
def test_any_earlier_input_gives_a_form(earlier: dict[str, Any]) -> None:
    form.render(PROJECTS, LIMITS, earlier).encode()


def test_without_projects_the_form_says_what_to_do() -> None:
    assert "Sign out and sign in again" in form.render({}, LIMITS, {})


FIXED = replace(LIMITS, partitions=("grace", "hopper"), default_partition="grace")


def test_a_partition_is_one_of_those_that_are_offered() -> None:
    assert validate(options(partition="hopper"), PROJECTS, FIXED).partition == "hopper"
    assert validate({"brics_project": "project1.brics"}, PROJECTS, FIXED).partition == "grace"
    assert validate(options(partition=""), PROJECTS, FIXED).partition == "grace", (
        "a stored choice from before"
    )
    for refused in ("other", "Grace", "grace ", 1, ["grace"]):
        with pytest.raises(OptionsError, match="partition: must be one of grace, hopper"):
            validate(options(partition=refused), PROJECTS, FIXED)


def test_the_form_offers_the_partitions() -> None:
    html = form.render(PROJECTS, FIXED, {"partition": "hopper"})
    assert re.findall(r'<option value="\w+"( selected)?>(\w+)</option>', html) == [
        ("", "grace"),
        (" selected", "hopper"),
    ]
    free = form.render(PROJECTS, replace(LIMITS, default_partition="gh.200"), {})
    assert Fields(free).elements["partition"]["value"] == "gh.200"


def test_a_default_partition_can_be_left_out() -> None:
    limits = replace(LIMITS, default_partition="gh.200")
    assert validate({"brics_project": "project1.brics"}, PROJECTS, limits).partition == "gh.200"
    assert validate(options(partition="gh.200"), PROJECTS, limits).partition == "gh.200"
    assert validate(options(partition=""), PROJECTS, limits).partition == ""
