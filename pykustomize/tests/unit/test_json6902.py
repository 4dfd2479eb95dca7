"""JSON patches."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pykustomize import KustomizeError
from pykustomize.json6902 import apply_patch, check_operations
from pykustomize.reader import read_documents, read_legacy
from pykustomize.writer import plain

DOCUMENT = "{a: {b: [1, 2, 3], c~/d: x}, n: null, big: 12345678901234567890}"


def patched(patch: str, document: str = DOCUMENT) -> Any:
    """The document after the patch."""
    (node,) = read_documents(document, "f")
    assert isinstance(node, dict)
    before = copy.deepcopy(node)
    result = plain(apply_patch(node, check_operations(read_legacy(patch, "patch"), "patch"), "patch"))
    assert node == before
    return result


@pytest.mark.parametrize(
    ("patch", "path", "value"),
    [
        ("[{op: add, path: /a/b/1, value: x}]", ("a", "b"), [1, "x", 2, 3]),
        ("[{op: add, path: /a/b/-, value: {yy: on}}]", ("a", "b"), [1, 2, 3, {"yy": True}]),
        ("[{op: add, path: /a/b/3, value: 017}]", ("a", "b"), [1, 2, 3, 15]),
        ("[{op: remove, path: /a/b/0}]", ("a", "b"), [2, 3]),
        ("[{op: replace, path: /a/b, value: null}]", ("a", "b"), None),
        ("[{op: replace, path: /a/c~0~1d, value: z}]", ("a", "c~/d"), "z"),
        ("[{op: move, from: /a/b/0, path: /a/b/2}]", ("a", "b"), [2, 3, 1]),
        ("[{op: copy, from: /a/b, path: /e}, {op: remove, path: /e/0}]", ("e",), [2, 3]),
        ("[{op: test, path: /a/b, value: [1, 2.0, 3]}, {op: add, path: /ok, value: 1}]", ("ok",), 1),
        ("[{op: test, path: /n, value: null}]", ("big",), 12345678901234567000),
    ],
)
def test_operations(patch: str, path: tuple[str, ...], value: object) -> None:
    """Each operation; numbers become floats on the way, as they do in kubectl."""
    result = patched(patch)
    for step in path:
        result = result[step]
    assert result == value


def test_there_are_always_annotations() -> None:
    """kustomize has put its own there, so that the first can be added."""
    patch = "[{op: add, path: /metadata/annotations/x, value: yes-it-is}]"
    assert patched(patch, "{metadata: {name: a}}")["metadata"]["annotations"] == {"x": "yes-it-is"}


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ("[{op: replace, path: /x/y, value: 1}]", "'/x' does not exist"),
        ("[{op: replace, path: /a/b/4, value: 1}]", "there is no element '4'"),
        ("[{op: remove, path: /a/x}]", "'/a/x' does not exist"),
        ("[{op: add, path: /x/y, value: 1}]", "'/x' does not exist"),
        ("[{op: add, path: /a/b/4, value: 1}]", "there is no element '4'"),
        ("[{op: add, path: /a/b/01, value: 1}]", "there is no element '01'"),
        ("[{op: remove, path: /a/b/-1}]", "there is no element '-1'"),
        ("[{op: test, path: /a/b, value: [1]}]", "the test of '/a/b' failed"),
        ("[{op: test, path: /a/b/0, value: '1'}]", "the test of '/a/b/0' failed"),
        ("[{op: add, path: /x}]", "operation 1 (add) needs 'value'"),
        ("[{op: copy, path: /x}]", "needs 'from'"),
        ("[{op: put, path: /x}]", "unknown op 'put'"),
        ("[{op: remove, path: /a, values: 1}]", "unknown field 'values'"),
        ("[{op: remove, path: a}]", "must start with '/'"),
        ("[{op: copy, from: /metadata/annotations, path: /x}]", "kustomize's own annotations"),
        ("[1]", "operation 1 must be a mapping"),
        ("[]", "must be a list of operations"),
        ("{a: b}", "must be a list of operations"),
    ],
)
def test_refused(patch: str, message: str) -> None:
    """With the operation or the path."""
    with pytest.raises(KustomizeError) as caught:
        patched(patch)
    assert message in str(caught.value)
