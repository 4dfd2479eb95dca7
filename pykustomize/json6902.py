"""JSON patches (RFC 6902) as kubectl applies them."""

from __future__ import annotations

from pykustomize.errors import KustomizeError
from pykustomize.jsonvalues import through_json
from pykustomize.nodes import Mapping, Node, Scalar, is_null, renew_node, text_of
from pykustomize.scalars import value_of

_NEEDS = {
    "add": ("value",),
    "replace": ("value",),
    "test": ("value",),
    "remove": (),
    "move": ("from",),
    "copy": ("from",),
}


def check_operations(patch: Node, where: object) -> list[Mapping]:
    """The operations of a patch.

    :raises KustomizeError: not a list of well-formed operations.
    """
    if not isinstance(patch, list) or not patch:
        raise KustomizeError(where, "a JSON patch must be a list of operations")
    operations: list[Mapping] = []
    for number, operation in enumerate(patch, start=1):
        if not isinstance(operation, dict):
            raise KustomizeError(where, f"operation {number} must be a mapping")
        name = text_of(operation.get("op"))
        if name not in _NEEDS:
            raise KustomizeError(
                where, f"operation {number}: unknown op '{name}', one of {', '.join(_NEEDS)}"
            )
        for key in ("path", *_NEEDS[name]):
            if key not in operation:
                raise KustomizeError(where, f"operation {number} ({name}) needs '{key}'")
        unknown = set(operation) - {"op", "path", "value", "from"}
        if unknown:
            raise KustomizeError(where, f"operation {number} ({name}): unknown field '{min(unknown)}'")
        operations.append(operation)
    return operations


def apply_patch(
    document: Mapping, operations: list[Mapping], where: object, *, annotated: bool = True
) -> Mapping:
    """The patched document; the argument is not changed.

    :param annotated: kustomize has annotations of its own in the document, so that there always are some.

    :raises KustomizeError: a path that does not exist, a test that fails.
    """
    result = through_json(document, where, floats=True)
    if not isinstance(result, dict):
        raise KustomizeError(where, "only a mapping can be patched")
    if annotated:
        _make_annotations(result)
    for operation in operations:
        _apply(result, operation, where)
    return result


def _make_annotations(document: Mapping) -> None:
    metadata = document.get("metadata")
    if isinstance(metadata, dict) and is_null(metadata.get("annotations")):
        metadata["annotations"] = {}


def _apply(document: Mapping, operation: Mapping, where: object) -> None:
    name = text_of(operation["op"])
    path = _pointer(text_of(operation["path"]), where)
    read = (
        _pointer(text_of(operation["from"]), where)
        if name in ("move", "copy")
        else path
        if name == "test"
        else []
    )
    if read in (["metadata"], ["metadata", "annotations"]):
        raise KustomizeError(where, f"{name} of '{_show(read)}' would see kustomize's own annotations")
    if name == "remove":
        _remove(document, path, where)
    elif name in ("move", "copy"):
        value = renew_node(_get(document, read, where))
        if name == "move":
            _remove(document, read, where)
        _add(document, path, value, where)
    elif name == "add":
        _add(document, path, through_json(operation["value"], where, floats=True), where)
    elif name == "replace":
        _put(document, path, through_json(operation["value"], where, floats=True), where)
    else:
        _test(document, path, through_json(operation["value"], where, floats=True), where)


def _pointer(path: str, where: object) -> list[str]:
    if not path.startswith("/"):
        raise KustomizeError(where, f"the path '{path}' must start with '/'")
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]


def _index(step: str, size: int, path: list[str], where: object) -> int:
    """The index, below ``size``."""
    if (
        not step.isdecimal()
        or not step.isascii()
        or (step != "0" and step.startswith("0"))
        or int(step) >= size
    ):
        raise KustomizeError(where, f"'{_show(path)}': there is no element '{step}'")
    return int(step)


def _get(node: Node, path: list[str], where: object) -> Node:
    for step in path:
        if isinstance(node, dict) and step in node:
            node = node[step]
        elif isinstance(node, list):
            node = node[_index(step, len(node), path, where)]
        else:
            raise KustomizeError(where, f"'{_show(path)}' does not exist")
    return node


def _put(document: Node, path: list[str], value: Node, where: object) -> None:
    parent = _get(document, path[:-1], where)
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif isinstance(parent, list):
        parent[_index(path[-1], len(parent), path, where)] = value
    else:
        raise KustomizeError(where, f"'{_show(path)}' does not exist")


def _add(document: Node, path: list[str], value: Node, where: object) -> None:
    parent = _get(document, path[:-1], where)
    if isinstance(parent, list):
        step = path[-1]
        parent.insert(len(parent) if step == "-" else _index(step, len(parent) + 1, path, where), value)
    else:
        _put(document, path, value, where)


def _remove(document: Node, path: list[str], where: object) -> None:
    _get(document, path, where)
    parent = _get(document, path[:-1], where)
    if isinstance(parent, dict):
        del parent[path[-1]]
    elif isinstance(parent, list):
        del parent[_index(path[-1], len(parent), path, where)]


def _test(document: Node, path: list[str], value: Node, where: object) -> None:
    if not _equal(_get(document, path, where), value):
        raise KustomizeError(where, f"the test of '{_show(path)}' failed")


def _equal(left: Node, right: Node) -> bool:
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        one, other = value_of(left), value_of(right)
        return type(one) is type(other) and one == other
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    return False


def _show(path: list[str]) -> str:
    return "/" + "/".join(path)
