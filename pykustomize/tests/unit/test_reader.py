"""Reading YAML: what is refused, with its line, and in bounded time and memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from pykustomize import KustomizeError
from pykustomize.nodes import Scalar
from pykustomize.reader import decode, read_documents, read_json
from pykustomize.writer import plain


def read(text: str) -> list[object]:
    """Documents as plain values."""
    return [plain(document) for document in read_documents(text, "file.yaml")]


def test_documents() -> None:
    """Empty documents are dropped."""
    assert read("# nothing\n---\na: 1\n---\n---\nb: [x, {c: null}]\n") == [
        {"a": 1},
        {"b": ["x", {"c": None}]},
    ]


def test_scalars_remember_their_text() -> None:
    """A version is not a number until the end."""
    assert read_documents("a: 1.10\nb: '1.10'", "f") == [
        {"a": Scalar("1.10", "!!float"), "b": Scalar("1.10", "!!str", "'")}
    ]


def test_aliases_and_merge_keys() -> None:
    """Aliases are expanded; of several merged mappings the first wins, the mapping's own keys before all."""
    text = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*b, *a], y: 3}\nd: *a\n"
    assert read(text)[0]["c"] == {"x": 2, "y": 3, "z": 2}  # type: ignore[index]
    assert read(text)[0]["d"] == {"x": 1, "y": 1}  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' appears twice"),
        ("a: {b: 1,\n b: 2}", "line 2: the key 'b' appears twice"),
        ("a: 1\n1: 2", "line 2: the key '1' is not a string"),
        ("[a]: 1", "line 1: a key must be a string"),
        ("a: &x\n  - *x", "line 2: anchor 'x' contains itself"),
        ("a: *x", "anchor 'x'"),
        ("a: !!binary aGk=", "line 1: the tag"),
        ("a: !mine b", "line 1: the tag"),
        ("%YAML 1.1\n---\na: b", "directives"),
        ("a: b\n...\n# c\n", "'...'"),
        ("--- {a: b}", "on the line of '---'"),
        ("a: {b: }", "between braces"),
        ("a:\n\t- b", "line 2"),
        ('a:\n- b # {"$openapi": "x"}', "line 2: comments that carry a schema"),
        ("a: {<<: 1}", "'<<' needs a mapping"),
    ],
)
def test_refused(text: str, message: str) -> None:
    """File, line and reason."""
    with pytest.raises(KustomizeError) as caught:
        read(text)
    assert str(caught.value).startswith("file.yaml: ")
    assert message in str(caught.value)


def test_a_billion_laughs() -> None:
    """Aliases of aliases are refused before they are expanded."""
    lines = ["a0: &a0 [" + ", ".join(["lol"] * 10) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 30)]
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(KustomizeError, match="more than 200000 nodes"):
        read("\n".join(lines))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.process_time() - start < 10
    assert peak < 100_000_000


def test_deep_nesting() -> None:
    """Neither the parser nor we run out of stack."""
    with pytest.raises(KustomizeError, match="levels deep"):
        read("[" * 5000 + "]" * 5000)


def test_bytes() -> None:
    """Files must be UTF-8 of a sane size; Windows' line ends are fine."""
    assert decode(b"a: b\r\nc: d\r\n", "f") == "a: b\nc: d\n"
    with pytest.raises(KustomizeError, match="not UTF-8"):
        decode(b"\xff", "f")
    with pytest.raises(KustomizeError, match="bigger"):
        decode(b"a" * (17 * 1024 * 1024), "f")


def test_json() -> None:
    """A JSON patch in JSON keeps its types."""
    text = '[{"a": "\\ud83d\\ude00", "b": 1.50, "c": [true, null], "d": 7}]'
    assert plain(read_json(text, "f")) == [{"a": "😀", "b": 1.5, "c": [True, None], "d": 7}]
    for bad in ("[{a: 1}]", '[{"a": 1, "a": 2}]', "[NaN]", "["):
        with pytest.raises(KustomizeError, match="must be JSON"):
            read_json(bad, "f")
