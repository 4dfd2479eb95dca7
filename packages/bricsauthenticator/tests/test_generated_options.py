"""Options that chance makes, through the form and the API: what is not allowed starts nothing and is explained."""

from __future__ import annotations

import os
import random
import re
import secrets
import string
from collections.abc import Mapping
from typing import Any

import pytest
from bricsauthenticator.names import Project
from bricsauthenticator.options import Limits, OptionsError, from_form, validate
from real_hub import Hub

PROJECTS = {
    key: Project(key, key, f"alice.{key.split('.')[0]}") for key in ("project1.brics", "project2.brics")
}
LIMITS = Limits(max_runtime=86_400, default_runtime="01:00:00", min_ngpus=0, max_ngpus=4, default_ngpus=1)
VALID = {
    "brics_project": "project1.brics",
    "runtime": "02:30:00",
    "ngpus": "2",
    "partition": "grace",
    "reservation": "maintenance-1",
}
PURE = 200
"""So many bad options are tried in each form, without a hub."""

THROUGH_HUB = 30
"""And so many of each are sent to a real hub."""

PIECES = [
    *(
        "",
        " ",
        "\t",
        "\n",
        "\r",
        "\0",
        "\x1b",
        "\x7f",
        "\xa0",
        "\u200b",
        "\u2028",
        "\N{FULLWIDTH DIGIT ONE}",
        "é",
        "🦄",
    ),
    *(
        ".",
        "..",
        "-",
        "--",
        "/",
        "\\",
        ":",
        ";",
        ",",
        "|",
        "&",
        "!",
        "*",
        "~",
        "@",
        "=",
        "%",
        "#",
        "+",
        "<b>",
        "'",
        '"',
    ),
    *("$HOME", "$(id)", "`id`", "{{cmd}}", "{%", "\n#SBATCH --uid=0", "00", "99", "A", "_", "project2"),
]
ODD: list[Any] = [
    *(True, False, 0, -1, 5, 10**30, 1.0, float("inf"), [], ["x"], [[]], {}, {"a": 1}, "", "x" * 5000),
]


class Chance:
    """Random choices that are the same with the same seed."""

    def __init__(self, seed: int) -> None:
        self.seed, self.random = seed, random.Random(seed)  # noqa: S311

    def mutated(self, text: str) -> str:
        for _ in range(self.random.choice([1, 1, 2, 3])):
            begin = self.random.randint(0, len(text))
            end = min(len(text), begin + self.random.choice([0, 0, 1, 1, 2]))
            text = text[:begin] + self.random.choice([*PIECES, text[begin:end] * 2]) + text[end:]
        return text

    def options(self) -> dict[str, Any]:
        """Valid options with one thing changed, which may happen to be right again."""
        options: dict[str, Any] = dict(VALID)
        field = self.random.choice(list(VALID))
        kind = self.random.choice(["mutated", "mutated", "mutated", "odd", "unknown", "gone", "swapped"])
        if kind == "mutated":
            options[field] = self.mutated(options[field])
        elif kind == "odd":
            options[field] = self.random.choice(ODD)
        elif kind == "unknown":
            options[self.mutated(field)] = "1"
        elif kind == "swapped":
            options[field] = options[self.random.choice(list(VALID))]
        else:
            options = {name: options[name] for name in self.random.sample(list(VALID), 3)}
        return options


@pytest.fixture
def chance(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Chance:
    """Chance, whose seed is shown."""
    seed = int(os.environ.get("BRICS_TEST_SEED") or secrets.randbits(32))
    with capsys.disabled():
        print(f" [{request.node.name}: BRICS_TEST_SEED={seed}]", end="")
    return Chance(seed)


def is_allowed(options: Mapping[str, Any]) -> bool:
    """Whether options are allowed, said once more and in other words than the package's own."""
    if not set(options) <= set(VALID) or options.get("brics_project") not in (
        "project1.brics",
        "project2.brics",
    ):
        return False
    runtime, ngpus = options.get("runtime", "01:00:00"), options.get("ngpus", 1)
    names = [options.get("partition", ""), options.get("reservation", "")]
    return is_runtime(runtime) and is_ngpus(ngpus) and all(map(is_name, names))


def is_runtime(value: Any) -> bool:
    parts = value.split(":") if isinstance(value, str) else []
    if len(parts) != 3 or not all(len(part) == 2 and set(part) <= set("0123456789") for part in parts):
        return False
    hours, minutes, seconds = map(int, parts)
    return minutes < 60 and seconds < 60 and 0 < hours * 3600 + minutes * 60 + seconds <= 24 * 3600


def is_ngpus(value: Any) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= 4 and set(value) <= set("0123456789") and int(value) <= 4
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 4


def is_name(value: Any) -> bool:
    characters = set(string.ascii_letters + string.digits + "_.-")
    return isinstance(value, str) and len(value) <= 64 and set(value) <= characters and value[:1] != "-"


def as_form(chance: Chance, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as fields of a form, whose values are lists of strings; some occur not once."""
    form: dict[str, Any] = {
        name: [value if isinstance(value, str) else str(value)] for name, value in options.items()
    }
    if chance.random.random() < 0.1:
        name = chance.random.choice(list(form))
        form[name] = chance.random.choice([[], form[name] * 2, [*form[name], ""]])
    return form


def is_allowed_form(form: Mapping[str, list[str]]) -> bool:
    return all(len(values) == 1 for values in form.values()) and is_allowed(
        {n: v[0] for n, v in form.items()}
    )


def refusal(submitted: Any, *, form: bool) -> str:
    """Why options are refused; empty if they are not. Any other exception fails the test."""
    try:
        validate(from_form(submitted) if form else submitted, PROJECTS, LIMITS)
    except OptionsError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("form", [True, False], ids=["form", "api"])
def test_what_is_not_allowed_is_refused_and_nothing_else(chance: Chance, form: bool) -> None:
    bad = 0
    while bad < PURE:
        options = chance.options()
        submitted = as_form(chance, options) if form else options
        allowed = is_allowed_form(submitted) if form else is_allowed(submitted)
        what = f"seed {chance.seed}: {submitted!r}"
        message = refusal(submitted, form=form)
        assert bool(message) != allowed, f"{message or 'accepted'}: {what}"
        if not allowed:
            bad += 1
            assert message.isascii(), what
            assert message.isprintable(), what
            assert len(message) < 1000, what


def test_nothing_bad_starts_a_job(hub: Hub, chance: Chance) -> None:
    """As a browser and a program send it: 400 with the reason, no job, no server, and a hub that goes on."""
    browser, begin, before = hub.session(), len(hub.log.read_text()), hub.jobs()
    sent = {"form": 0, "api": 0}
    while min(sent.values()) < THROUGH_HUB:
        options = chance.options()
        form = as_form(chance, options)
        # A form cannot say that a field is there and has no value.
        if not is_allowed_form(form) and all(form.values()):
            answer = browser.post_form(
                [(name, value.encode()) for name, values in form.items() for value in values]
            )
            what = f"seed {chance.seed}, form: {form!r}: {answer.text[-2000:]}"
            assert answer.status_code == 400, what
            assert "Traceback" not in answer.text, what
            sent["form"] += 1
        if not is_allowed(options) and float("inf") not in options.values():
            answer = browser.post_api(options)
            what = f"seed {chance.seed}, api: {options!r}: {answer.text[-2000:]}"
            assert answer.status_code == 400, what
            assert answer.json()["message"], what
            sent["api"] += 1
    assert hub.jobs() == before
    assert not browser.server()
    # JupyterHub logs why it refused a form as an exception; there must be none but ours.
    raised = re.findall(
        r"^ *([\w.]+(?:Error|Exception|Warning)\b.*)", hub.log.read_text()[begin:], re.MULTILINE
    )
    assert [line for line in raised if not line.startswith("tornado.web.HTTPError: HTTP 400")] == []
    assert browser.post_form(VALID).status_code == 302
    browser.wait_ready()
    browser.stop()
