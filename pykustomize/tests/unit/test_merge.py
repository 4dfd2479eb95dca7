"""Strategic merge, seen from the document."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pykustomize import KustomizeError
from pykustomize.merge import merge
from pykustomize.nodes import Mapping
from pykustomize.reader import read_documents
from pykustomize.writer import plain

POD = "apiVersion: v1\nkind: Pod\n"


def node(text: str) -> Mapping:
    """One document."""
    (document,) = read_documents(text, "f")
    assert isinstance(document, dict)
    return document


def spec(document: str, patch: str, head: str = POD) -> Any:
    """``spec`` of the merge of two specs."""
    merged = merge(node(f"{head}spec: {document}"), node(f"{head}spec: {patch}"), "patch")
    return None if merged is None else plain(merged).get("spec")


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ("{a: 1, b: 2}", "{b: 3, c: 4}", {"a": 1, "b": 3, "c": 4}),
        ("{a: {b: 1}}", "{a: null}", {}),
        ("{a: null, b: ~}", "{c: 1}", {"a": None, "b": None, "c": 1}),
        ("{a: {b: 1, c: 2}}", "{a: {$patch: replace, d: 3}}", {"a": {"d": 3}}),
        ("{a: {b: 1}, c: 2}", "{a: {$patch: delete}}", {"c": 2}),
        ("{a: {b: 1}}", "{a: {$patch: merge, c: 2}}", {"a": {"b": 1, "c": 2}}),
        ("{a: [1, 2]}", "{a: [3]}", {"a": [3]}),
        (
            "{containers: [{name: a}, {name: b, image: i}]}",
            "{containers: [{name: b, image: j}, {name: c}]}",
            {"containers": [{"name": "b", "image": "j"}, {"name": "c"}, {"name": "a"}]},
        ),
        ("{containers: [{name: a}]}", "{containers: [{name: a, $patch: delete}]}", {"containers": []}),
        ("{volumes: [{name: a}]}", "{volumes: [{$patch: replace}, {name: b}]}", {"volumes": [{"name": "b"}]}),
        ("{volumes: [{name: a}]}", "{volumes: [{$patch: delete}]}", {}),
        ("{}", "{new: {deep: {x: null, y: 1}, $patch: merge}}", {"new": {"deep": {"y": 1}}}),
        ('{a: "1"}', "{a: 2}", {"a": "2"}),
        ("{a: 1}", '{a: "2"}', {"a": "2"}),
    ],
)
def test_merge(document: str, patch: str, result: object) -> None:
    """Maps, lists, nulls, directives, quotes."""
    assert spec(document, patch) == result


def test_unknown_types_are_merged_as_json() -> None:
    """There, lists are replaced."""
    head = "apiVersion: example.com/v1\nkind: Widget\n"
    assert spec("{containers: [{name: a}]}", "{containers: [{name: b}]}", head) == {
        "containers": [{"name": "b"}]
    }


def test_several_keys() -> None:
    """Ports are identified by number and protocol."""
    head = "apiVersion: v1\nkind: Service\n"
    document = "{ports: [{port: 80, protocol: TCP}, {port: 80, protocol: UDP}]}"
    assert spec(document, "{ports: [{port: 80, protocol: UDP, name: u}]}", head)["ports"] == [
        {"port": 80, "protocol": "TCP"},
        {"port": 80, "protocol": "UDP", "name": "u"},
    ]


def test_whole_documents() -> None:
    """A directive at the top."""
    assert merge(node(POD), node(f"{POD}$patch: delete"), "patch") is None
    kept = merge(node(f"{POD}spec: {{a: 1}}"), node(f"{POD}$patch: replace\nspec: {{b: 1}}"), "patch")
    assert kept == node(f"{POD}spec: {{a: 1}}")


@pytest.mark.parametrize(
    ("document", "patch", "message"),
    [
        ("{a: 1}", "{a: {b: 1}}", "spec.a: is a mapping here and a scalar there"),
        ("{a: {b: 1}}", "{a: {$patch: remove}}", "unknown directive '$patch: remove'"),
        ("{a: [{x: 1}]}", "{a: [{x: 1, $patch: delete}]}", "not merged by key"),
        ("{containers: [{image: a}]}", "{}", "spec.containers: has an element without a value for 'name'"),
        ("{containers: [a]}", "{}", "an element that is a scalar"),
        ("{}", "{$setElementOrder/a: [1]}", "this directive is not supported"),
        ("{}", "{containers: [{$patch: replace}]}", "a list that is not there"),
    ],
)
def test_refused(document: str, patch: str, message: str) -> None:
    """With the field."""
    with pytest.raises(KustomizeError) as caught:
        spec(document, patch)
    assert message in str(caught.value)


def test_inputs_stay_as_they_are() -> None:
    """Neither the document nor the patch is changed."""
    document = node(f"{POD}spec: {{containers: [{{name: a, env: [{{name: X, value: x}}]}}], a: {{b: 1}}}}")
    patch = node(f"{POD}spec: {{containers: [{{name: a, env: [{{name: X, $patch: delete}}]}}], a: null}}")
    before = copy.deepcopy((document, patch))
    assert merge(document, patch, "patch") is not None
    assert (document, patch) == before
