"""The names under which a build's steps are shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from brics_envs.plan.build_steps import RunningSteps, plain, step_names

ROOT = Path(__file__).resolve().parents[2]
CONTAINERFILE = """\
FROM abc AS stage-base
# Why it is so.
# Step: packages
RUN apt-get update \\
 && apt-get install x
RUN groupadd hub
# Step: the package
RUN --mount=type=bind,source=a,target=/a \\
    pip install   .
COPY . /opt
"""


def test_names_belong_to_the_instructions_behind_them() -> None:
    assert step_names(CONTAINERFILE) == {
        "apt-get update && apt-get install x": "packages",
        "--mount=type=bind,source=a,target=/a pip install .": "the package",
    }


def test_only_steps_that_run_are_reported_by_their_names() -> None:
    told: list[str] = []
    steps = RunningSteps(step_names(CONTAINERFILE), told.append)
    for line in (
        "[1/2] STEP 1/5: FROM abc AS stage-base",
        "[1/2] STEP 2/5: RUN apt-get update  && apt-get install x",
        "--> Using cache 0123",
        "[1/2] STEP 3/5: RUN groupadd   hub",
        "--> 4567",
        "[2/2] STEP 4/5: RUN --mount=type=bind,source=a,target=/a     pip install   .",
        "Collecting x",
        "STEP 5/5: COPY . /opt",
    ):
        steps.see(line)
    assert told == ["groupadd hub", "the package"]


@pytest.mark.parametrize("file", sorted(ROOT.glob("build/**/Containerfile.*")), ids=lambda path: path.name)
def test_every_step_of_ours_has_a_name(file: Path) -> None:
    text = file.read_text()
    joined = re.sub(r"\\\n", " ", text)
    instructions = {plain(found) for found in re.findall(r"^RUN (.+)$", joined, re.MULTILINE)}
    names = step_names(text)
    assert set(names) == instructions
    assert all(len(name) <= 72 for name in names.values())
