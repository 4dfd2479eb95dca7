"""Documents in memory: mappings, lists, and scalars that remember how they were written.

kustomize compares names, labels and merge keys by their *text* (``1.10`` is not ``1.1``) and gives scalars a value only
at the very end. So does this package: a scalar keeps its text and its YAML tag.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

STR = "!!str"
INT = "!!int"
FLOAT = "!!float"
BOOL = "!!bool"
NULL = "!!null"
TIME = "!!timestamp"
UNTAGGED = ""


class Scalar(NamedTuple):
    """One scalar as it was written.

    :param text: its characters, without quotes.
    :param tag: its short YAML tag; :data:`UNTAGGED` means "whatever the text looks like when it is written".
    :param style: what it was written with: ``'`` or ``"``, ``|`` or ``>``; ``""`` if it was plain.
    """

    text: str
    tag: str = STR
    style: str = ""

    @property
    def quoted(self) -> bool:
        """Whether it stood in quotes or as a block, so that its text can only be a string."""
        return self.style != ""


Mapping: TypeAlias = "dict[str, Node]"
Sequence: TypeAlias = "list[Node]"
Node: TypeAlias = "Scalar | Mapping | Sequence"


def is_null(node: Node | None) -> bool:
    """Whether the node is missing or tagged as null (an untagged ``null`` is not)."""
    return node is None or (isinstance(node, Scalar) and node.tag == NULL)


def text_of(node: Node | None) -> str:
    """The text of a scalar; ``""`` for null, for a missing node, and for mappings and lists."""
    return node.text if isinstance(node, Scalar) and node.tag != NULL else ""


def kind_of(node: Node) -> str:
    """``mapping``, ``list`` or ``scalar``, for messages and comparisons."""
    if isinstance(node, dict):
        return "mapping"
    return "list" if isinstance(node, list) else "scalar"


def copy_node(node: Node) -> Node:
    """A copy that shares nothing mutable with the original."""
    if isinstance(node, dict):
        return {key: copy_node(value) for key, value in node.items()}
    if isinstance(node, list):
        return [copy_node(value) for value in node]
    return node


def copy_mapping(node: Mapping) -> Mapping:
    """Like :func:`copy_node`, for mappings."""
    return {key: copy_node(value) for key, value in node.items()}


def renew_node(node: Node) -> Node:
    """A copy that does not even share scalars, see :func:`replace_everywhere`."""
    if isinstance(node, dict):
        return {key: renew_node(value) for key, value in node.items()}
    if isinstance(node, list):
        return [renew_node(value) for value in node]
    return Scalar(*node)


def replace_everywhere(node: Node, old: Scalar, new: Scalar) -> None:
    """Replace the very scalar ``old`` wherever it stands below ``node``.

    A label that kustomize adds in several places of a document is one scalar for it: whoever changes it in one of
    them changes it in all.
    """
    if isinstance(node, dict):
        for key, value in node.items():
            if value is old:
                node[key] = new
            else:
                replace_everywhere(value, old, new)
    elif isinstance(node, list):
        for value in node:
            replace_everywhere(value, old, new)


def lookup(node: Node | None, *path: str) -> Node | None:
    """The node below ``path`` of field names, or ``None``."""
    for name in path:
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    return node


def strings(node: Node | None) -> dict[str, str]:
    """A mapping such as ``metadata.labels`` as plain strings, the way kustomize reads it: a null is its own text."""
    if not isinstance(node, dict):
        return {}
    return {key: value.text if isinstance(value, Scalar) else "" for key, value in node.items()}
