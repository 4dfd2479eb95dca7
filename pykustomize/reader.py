"""YAML text to documents, with everything refused that kubectl refuses or that would cost without bound."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from pykustomize.blocks import is_open_ended
from pykustomize.errors import KustomizeError
from pykustomize.nodes import BOOL, FLOAT, INT, NULL, STR, Mapping, Node, Scalar, is_null, renew_node
from pykustomize.scalars import tag_of

MAX_NODES = 200_000
"""Nodes in one file, aliases counted as often as they are used."""

MAX_DEPTH = 200
"""Mappings and lists inside each other."""

MAX_BYTES = 16 * 1024 * 1024
"""Size of one YAML file."""

_LOADER: Any = getattr(yaml, "CLoader", yaml.Loader)
_TAGS = {
    yaml.ScalarEvent: frozenset(("tag:yaml.org,2002:str",)),
    yaml.SequenceStartEvent: frozenset(("tag:yaml.org,2002:seq",)),
    yaml.MappingStartEvent: frozenset(("tag:yaml.org,2002:map",)),
}
_SCHEMA_COMMENT = re.compile(
    r'#\s*\{\s*"(\$openapi|\$ref|\$kpt-set|type|items|x-k8s-cli|x-kubernetes-[a-z-]+)"'
)


def decode(data: bytes, where: object) -> str:
    """The text of a YAML file.

    :raises KustomizeError: it is too big or not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise KustomizeError(where, f"is bigger than {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise KustomizeError(where, f"is not UTF-8: {error}") from error


def read_documents(text: str, where: object, *, legacy: bool = False) -> list[Node]:
    """All documents of a YAML stream that are not empty.

    :param legacy: read scalars as in kustomization files.
    :raises KustomizeError: anything that is wrong with the text, with its line.
    """
    comment = None if legacy else _SCHEMA_COMMENT.search(text)
    if comment:
        line = text.count("\n", 0, comment.start()) + 1
        raise KustomizeError(where, f"line {line}: comments that carry a schema are not supported")
    try:
        return list(_Composer(where, legacy, text).compose(iter(yaml.parse(text, Loader=_LOADER))))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise KustomizeError(where, f"{place}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise KustomizeError(where, " ".join(str(error).split())) from error


def read_legacy(text: str, where: object) -> Node:
    """The only document of a JSON patch in YAML.

    :raises KustomizeError: see :func:`read_documents`.
    """
    return read_documents(text, where, legacy=True)[0]


def read_json(text: str, where: object) -> Node:
    """A JSON patch in JSON, which kubectl reads as such when it starts with ``[``.

    :raises KustomizeError: it is no JSON.
    """

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    def mapping(pairs: list[tuple[str, Node]]) -> Node:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key appears twice")
        return dict(pairs)

    try:
        value = json.loads(
            text,
            object_pairs_hook=mapping,
            parse_int=lambda digits: Scalar(digits, INT),
            parse_float=lambda digits: Scalar(digits, FLOAT),
            parse_constant=refuse,
        )
    except (ValueError, RecursionError) as error:
        raise KustomizeError(where, f"starts with '[', so it must be JSON: {error}") from error
    return _from_json(value)


def _from_json(value: Any) -> Node:
    if isinstance(value, dict):
        return {key: _from_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_from_json(inner) for inner in value]
    if isinstance(value, bool):
        return Scalar("true" if value else "false", BOOL)
    if value is None:
        return Scalar("null", NULL)
    return value if isinstance(value, Scalar) else Scalar(value, STR, '"')


@dataclass
class _Composer:
    """Turns the events of one file into nodes, expanding aliases within a budget."""

    where: object
    legacy: bool
    text: str
    anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)
    open_anchors: set[str] = field(default_factory=set)
    count: int = 0
    braces: int = 0

    @cached_property
    def lines(self) -> list[str]:
        """The file's lines."""
        return self.text.split("\n")

    def compose(self, events: Iterator[Any]) -> Iterator[Node]:
        node: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
                first = next(events)
                self._check_document_start(event, first)
                node = self._node(events, first, 0)
                if not is_null(node):
                    yield node
            elif isinstance(event, yaml.DocumentEndEvent) and event.explicit:
                self._check_document_end(event, node)

    def _check_document_end(self, end: Any, node: Node | None) -> None:
        """``...`` may end a document, if nothing comes before the next one."""
        line, *behind = self.lines[end.start_mark.line :]
        rest = itertools.takewhile(lambda line: not line.startswith("---"), behind)
        if is_null(node) or line.rstrip() != "..." or any(line.strip() for line in rest):
            raise self._error(end, "'...' is not supported here, separate documents with '---'")

    def _check_document_start(self, start: Any, first: Any) -> None:
        if start.version or start.tags:
            raise self._error(start, "YAML directives are not supported")
        is_empty = isinstance(first, yaml.ScalarEvent) and first.value == "" and first.implicit[0]
        if start.explicit and not is_empty and first.start_mark.line == start.start_mark.line:
            raise self._error(start, "content on the line of '---' is not supported")

    def _node(self, events: Iterator[Any], event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._count(1, event)
        if depth > MAX_DEPTH:
            raise self._error(event, f"is nested more than {MAX_DEPTH} levels deep")
        before = self.count - 1
        if event.anchor:
            self.open_anchors.add(event.anchor)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(events, event, depth)
        else:
            node = self._mapping(events, event, depth)
        if event.anchor:
            self.open_anchors.discard(event.anchor)
            self.anchors[event.anchor] = (node, self.count - before)
        return node

    def _alias(self, event: Any) -> Node:
        if event.anchor in self.open_anchors:
            raise self._error(event, f"anchor '{event.anchor}' contains itself")
        if event.anchor not in self.anchors:
            raise self._error(event, f"unknown anchor '{event.anchor}'")
        node, size = self.anchors[event.anchor]
        self._count(size, event)
        return renew_node(node)

    def _scalar(self, event: Any) -> Scalar:
        self._check_tag(event)
        style = event.style or ""
        if self.legacy and style:
            style = '"'  # these become JSON at once: how they were written does not matter
        if self.braces and not event.value and not style and not self.legacy:
            raise self._error(event, "an empty value between braces is not supported, write null")
        if style in ("|", ">") and not self.legacy and is_open_ended(event.value):
            self._refuse_comment_behind(event)
        if style or event.tag is not None:
            return Scalar(event.value, STR, style)
        return Scalar(event.value, tag_of(event.value, legacy=self.legacy))

    def _refuse_comment_behind(self, event: Any) -> None:
        """kubectl writes comments, too, and puts a line before them, which such a text takes for its own."""
        behind = itertools.dropwhile(lambda line: not line.strip(), self.lines[event.end_mark.line :])
        if next(behind, "").lstrip().startswith("#"):
            raise self._error(event, "a comment behind text that ends in empty lines is not supported")

    def _sequence(self, events: Iterator[Any], start: Any, depth: int) -> list[Node]:
        self._check_tag(start)
        result: list[Node] = []
        self.braces += bool(start.flow_style)
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            result.append(self._node(events, event, depth + 1))
        self.braces -= bool(start.flow_style)
        return result

    def _mapping(self, events: Iterator[Any], start: Any, depth: int) -> Mapping:
        self._check_tag(start)
        result: Mapping = {}
        merged: list[Mapping] = []
        self.braces += bool(start.flow_style)
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._node(events, event, depth + 1)
            if not isinstance(key, Scalar):
                raise self._error(event, "a key must be a string, not a mapping or a list")
            value = self._node(events, next(events), depth + 1)
            if key.text == "<<" and not key.quoted:
                if merged:
                    raise self._error(event, "the key '<<' appears twice")
                merged += self._merge_sources(value, event)
                continue
            if key.tag != STR:
                raise self._error(event, f"the key '{key.text}' is not a string: put it in quotes")
            # In kustomization files the last one counts.
            if key.text in result and not self.legacy:
                raise self._error(event, f"the key '{key.text}' appears twice")
            result[key.text] = value
        self.braces -= bool(start.flow_style)
        for source in merged:
            for name, value in source.items():
                result.setdefault(name, renew_node(value))
        return result

    def _merge_sources(self, value: Node, event: Any) -> list[Mapping]:
        if self.legacy:
            raise self._error(event, "'<<' is not supported here")
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise self._error(event, "'<<' needs a mapping or a list of mappings")
        return [source for source in sources if isinstance(source, dict)]

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag not in _TAGS[type(event)]:
            raise self._error(event, f"the tag '{event.tag}' is not supported")

    def _count(self, nodes: int, event: Any) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            raise self._error(event, f"has more than {MAX_NODES} nodes once its aliases are expanded")

    def _error(self, event: Any, message: str) -> KustomizeError:
        return KustomizeError(self.where, f"line {event.start_mark.line + 1}: {message}")
