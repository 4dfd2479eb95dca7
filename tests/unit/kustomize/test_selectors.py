"""Targets of patches."""

from __future__ import annotations

import time

import pytest

from brics_envs.kustomize import KustomizeError
from brics_envs.kustomize.reader import read_documents
from brics_envs.kustomize.resources import Resource, from_documents
from brics_envs.kustomize.selectors import Selector


def resource() -> Resource:
    """A deployment that was renamed."""
    text = """
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web-1, namespace: team, labels: {app: web, empty: ""}, annotations: {note: 1.10}}
    """
    (found,) = from_documents(read_documents(text, "f"), "f")
    found.former.append(("default", "web", "Deployment"))
    return found


@pytest.mark.parametrize(
    ("fields", "selected"),
    [
        ({}, True),
        ({"kind": "Deployment"}, True),
        ({"kind": "Deploy"}, False),
        ({"kind": "Deploy.*|Pod"}, True),
        ({"name": "web"}, True),
        ({"name": "web-[0-9]"}, True),
        ({"name": "we"}, False),
        ({"namespace": "default"}, True),
        ({"namespace": "team"}, True),
        ({"namespace": "other"}, False),
        ({"group": "apps", "version": r"v\d"}, True),
        ({"group": "batch"}, False),
        ({"labels": "app=web,empty="}, True),
        ({"labels": "app==web, other!=x"}, True),
        ({"labels": "app in (db, web)"}, True),
        ({"labels": "app notin (db, web)"}, False),
        ({"labels": "app"}, True),
        ({"labels": "!app"}, False),
        ({"labels": "missing"}, False),
        ({"annotations": "note=1.10"}, True),
        ({"annotations": "note=1.1"}, False),
    ],
)
def test_selects(fields: dict[str, str], selected: bool) -> None:
    """Expressions are anchored; the first and the present name count."""
    assert Selector(where="f", **fields).selects(resource()) is selected


@pytest.mark.parametrize(
    "pattern",
    ["(?=a)", "(?P<n>a)", "a++", "a**", r"\1", r"\pL", "[[:alpha:]]", "(", "(a+)+", "a{2000}", r"\Aa", "é"],
)
def test_expressions_that_are_refused(pattern: str) -> None:
    """What Go reads differently, or what could take for ever."""
    start = time.perf_counter()
    with pytest.raises(KustomizeError, match="regular expression"):
        Selector(where="f", name=pattern).selects(resource())
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("selector", ["a>1", "a=b=c", "a in b", "in (a)", "=a", "a,,b"])
def test_label_selectors_that_are_refused(selector: str) -> None:
    """What is no label selector, or none that we know."""
    with pytest.raises(KustomizeError, match="not supported"):
        Selector(where="f", labels=selector).selects(resource())
