"""Targets of patches."""

from __future__ import annotations

import time

import pytest

from pykustomize import KustomizeError
from pykustomize.reader import read_documents
from pykustomize.resources import Resource, from_documents
from pykustomize.selectors import Selector


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
    ["(?=a)", "a**", r"\1", "(", "a{2000}", r"\C", "[b-a]"],
)
def test_expressions_that_are_refused(pattern: str) -> None:
    """What Go refuses, too."""
    with pytest.raises(KustomizeError, match="regular expression"):
        Selector(where="f", name=pattern).selects(resource())


@pytest.mark.parametrize("pattern", ["(a|a)*b", "(a|aa)+b", "((a*))*b", "((a)*b?)*c", "a?" * 60 + "a" * 60])
def test_expressions_take_bounded_time(pattern: str) -> None:
    """Where Python's own would take years."""
    found = resource()
    found.set_name("a" * 59)
    start = time.process_time()
    assert not Selector(where="f", name=pattern).selects(found)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "selector",
    [
        "a>1",
        "a/b/c=x",
        "A.B/x=x",
        "a..b/x",
        "!" + "a" * 64,
        "a!=" + "b" * 64,
        f"a in ({'b' * 64})",
        "a=b=c",
        "a in b",
        "in (a)",
        "=a",
        "a,,b",
    ],
)
def test_label_selectors_that_are_refused(selector: str) -> None:
    """What is no label selector, or none that we know."""
    with pytest.raises(KustomizeError, match="not supported"):
        Selector(where="f", labels=selector).selects(resource())
