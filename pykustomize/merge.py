"""Strategic merge of a patch into a document, as kustomize does it.

Where the type is known, lists are merged by their keys, the patch's elements first; elsewhere the patch's list replaces
the document's. ``null`` removes a field, ``$patch: delete`` the mapping it stands in, ``$patch: replace`` replaces it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, overload

from pykustomize.blocks import refuse_unstable
from pykustomize.errors import KustomizeError
from pykustomize.nodes import (
    STR,
    UNTAGGED,
    Mapping,
    Node,
    Scalar,
    Sequence,
    copy_mapping,
    is_null,
    kind_of,
    replace_everywhere,
    text_of,
)
from pykustomize.scalars import tag_of, untyped
from pykustomize.schema import Shape, shape_of

Path: TypeAlias = tuple[str, ...]
_DIRECTIVE = "$patch"
_UNSUPPORTED = ("$setElementOrder/", "$deleteFromPrimitiveList/", "$retainKeys")


def merge(document: Mapping, patch: Mapping, where: object, *, shares: bool = False) -> Mapping | None:
    """The patched document; ``None`` if the patch deletes it. Neither argument is changed.

    :param where: the patch, for messages.
    :param shares: the document has scalars that stand in several places and change together.
    :raises KustomizeError: the patch and the document do not fit together, or the outcome would not be kubectl's.
    """
    if text_of(patch.get(_DIRECTIVE)) == "replace":
        return copy_mapping(document)  # kustomize merges into a copy here, and drops that
    refuse_unstable(patch, document, where)
    root = copy_mapping(document)
    merged = _Merger(where, root if shares else {}).walk(root, copy_mapping(patch), None, ())
    if merged is None or isinstance(merged, dict):
        return merged
    raise KustomizeError(where, "does not give a document")


class _Merger:
    def __init__(self, where: object, sharing: Mapping) -> None:
        self.where = where
        self.sharing = sharing

    def walk(self, ours: Node | None, theirs: Node | None, shape: Shape | None, path: Path) -> Node | None:
        """The merge of one field of document (``ours``) and patch (``theirs``); ``None`` removes the field."""
        if shape is None:
            shape = shape_of(ours) or shape_of(theirs)
        sample = theirs if is_null(ours) else ours
        if sample is None or is_null(sample):
            return self._both_empty(ours, theirs)
        for node in (ours, theirs):
            if node is not None and not is_null(node) and kind_of(node) != kind_of(sample):
                raise self._error(path, f"is a {kind_of(node)} here and a {kind_of(sample)} there")
        if isinstance(sample, dict):
            return self._mapping(ours, theirs, shape, path)
        if isinstance(sample, list) and shape is not None and shape.keys is not None:
            return self._keyed_list(ours, theirs, shape, path)
        if isinstance(sample, list):
            self._refuse_directives(theirs, path)
        return ours if theirs is None else theirs

    @staticmethod
    def _both_empty(ours: Node | None, theirs: Node | None) -> Node | None:
        """A null that was spelled out survives a patch that does not mention it, an empty one does not."""
        return ours if theirs is None and isinstance(ours, Scalar) and ours.text else None

    def _mapping(
        self, ours: Node | None, theirs: Node | None, shape: Shape | None, path: Path
    ) -> Node | None:
        directive = self._take_directive(theirs, path)
        if directive == "delete":
            return None
        if not isinstance(theirs, dict):
            if theirs is not None:
                return None
            theirs = {}
        if not isinstance(ours, dict) or directive == "replace":
            ours = _without_directives(theirs)
        for name in sorted({*ours, *theirs}):
            below = shape.field(name) if shape is not None else None
            value = self.walk(ours.get(name), theirs.get(name), below, (*path, name))
            self._set(ours, name, value)
        return ours

    def _set(self, mapping: Mapping, name: str, value: Node | None) -> None:
        """Set a field, or remove it.

        A new scalar gets the old one's quotes, and is a string then. One that stays or is added is put in quotes if
        it is a string that YAML 1.1 would not read as one (``on``, ``yes``).
        """
        old = mapping.get(name)
        if old is not None and value is old and not isinstance(old, Scalar):
            return
        if value is None or (is_null(value) and value is not old):
            mapping.pop(name, None)
            return
        if isinstance(value, Scalar):
            if value is old or not isinstance(old, Scalar):
                value = _with_quotes(value)
            else:
                value = Scalar(value.text, STR, old.style) if old.quoted else value._replace(style="")
            if isinstance(old, Scalar) and value is not old:
                replace_everywhere(self.sharing, old, value)
        mapping[name] = value

    def _take_directive(self, theirs: Node | None, path: Path) -> str:
        if not isinstance(theirs, dict):
            return "merge"
        for name in theirs:
            if name.startswith(_UNSUPPORTED):
                raise self._error((*path, name), "this directive is not supported")
        directive = text_of(theirs.pop(_DIRECTIVE, Scalar("merge")))
        if directive not in ("merge", "replace", "delete"):
            raise self._error(path, f"unknown directive '{_DIRECTIVE}: {directive}'")
        return directive

    def _take_list_directive(self, source: Sequence, path: Path) -> str:
        """An element that is nothing but a directive is for the whole list."""
        for place, element in enumerate(source):
            if isinstance(element, dict) and list(element) == [_DIRECTIVE]:
                return self._take_directive(source.pop(place), path)
        return "merge"

    def _refuse_directives(self, theirs: Node | None, path: Path) -> None:
        """In a list that is replaced as a whole kustomize would print the directive."""
        for element in theirs if isinstance(theirs, list) else []:
            if isinstance(element, dict) and _DIRECTIVE in element:
                raise self._error(path, f"'{_DIRECTIVE}' has no effect in a list that is not merged by key")

    def _keyed_list(self, ours: Node | None, theirs: Node | None, shape: Shape, path: Path) -> Node | None:
        if theirs is not None and is_null(theirs):
            return None
        source: Sequence = theirs if isinstance(theirs, list) else []
        target: Sequence = ours if isinstance(ours, list) else []
        if not shape.keys:
            return self._union(target, source, path)
        directive = self._take_list_directive(source, path)
        if directive != "merge" and not isinstance(ours, list):
            raise self._error(path, f"'{_DIRECTIVE}: {directive}' is for a list that is not there")
        if directive == "delete":
            return None
        if directive == "replace" or not isinstance(ours, list):
            target = [_without_directives(value) for value in source]
        identities = self._identities((*source, *target), shape.keys, path)
        used = [name for place, name in enumerate(shape.keys) if any(values[place] for values in identities)]
        added: Sequence = []
        for identity in identities:
            values = dict(zip(shape.keys, identity, strict=True))
            known = {name: value for name, value in values.items() if value}
            merged = self.walk(_find(target, known), _find(source, known), Shape(shape.fields), path)
            keys = {name: values[name] for name in used}
            if not isinstance(merged, dict) or not merged:
                _put(target, keys, None)
                continue
            for name, value in known.items():
                merged.setdefault(name, Scalar(value, UNTAGGED))
            _put(added, keys, merged)
        return self._append_rest(added, target, used)

    def _identities(
        self, elements: Iterable[Node], keys: tuple[str, ...], path: Path
    ) -> list[tuple[str, ...]]:
        """The key values of all elements. Those that differ only in what one leaves out become the same."""
        found: dict[tuple[str, ...], None] = {}
        for element in elements:
            if not isinstance(element, dict):
                raise self._error(path, f"has an element that is a {kind_of(element)}, not a mapping")
            for key in keys:
                if (key in element or key == keys[0]) and not text_of(element.get(key)):
                    raise self._error(path, f"has an element without a value for '{key}'")
            found[tuple(text_of(element.get(key)) for key in keys)] = None
        identities = list(found)
        for one in range(len(identities) if len(keys) > 1 else 0):
            first = identities[one]
            for other, second in enumerate(identities):
                joined = _joined(first, second)
                if joined:
                    identities[one] = identities[other] = joined
        return identities

    @staticmethod
    def _append_rest(added: Sequence, target: Sequence, names: list[str]) -> Sequence:
        """The merged elements, then the document's; with several keys the document's own order wins."""
        if not names:
            return target
        for element in list(target):
            if isinstance(element, dict):
                keys = {name: text_of(element[name]) for name in names if name in element}
                if len(names) > 1:
                    _put(added, keys, None)
                _put(added, keys, element)
        return added

    def _union(self, target: Sequence, source: Sequence, path: Path) -> Sequence:
        """Scalars of both lists, the patch's first, each once."""
        found: dict[str, Node] = {}
        for element in (*source, *target):
            if not isinstance(element, Scalar):
                raise self._error(path, f"has an element that is a {kind_of(element)}, not a scalar")
            found.setdefault(element.text, untyped(element, element.text))
        return list(found.values())

    def _error(self, path: Path, message: str) -> KustomizeError:
        return KustomizeError(self.where, f"{'.'.join(path) or 'the document'}: {message}")


def _with_quotes(scalar: Scalar) -> Scalar:
    ambiguous = scalar.tag == STR and not scalar.quoted and tag_of(scalar.text, legacy=True) != STR
    return scalar._replace(style='"') if ambiguous else scalar


def _joined(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...] | None:
    """Both together, if they agree somewhere and differ only where one is empty."""
    pairs = list(zip(first, second, strict=True))
    if not any(one == other for one, other in pairs) or any(
        one and other and one != other for one, other in pairs
    ):
        return None
    return tuple(one or other for one, other in pairs)


def _matches(element: Node, keys: dict[str, str]) -> bool:
    """Whether the element has these values; ``""`` stands for any."""
    return isinstance(element, dict) and all(
        name in element and (not value or text_of(element[name]) == value) for name, value in keys.items()
    )


def _find(elements: Sequence, keys: dict[str, str]) -> Node | None:
    return next((element for element in elements if _matches(element, keys)), None)


def _put(elements: Sequence, keys: dict[str, str], new: Node | None) -> None:
    """Replace every element with these keys, or append; ``None`` removes them. Empty elements disappear."""
    result: Sequence = []
    found = False
    for element in elements:
        if element == {} or is_null(element):
            continue
        if not _matches(element, keys):
            result.append(element)
        elif new is not None:
            found = True
            result.append(new)
    if new is not None and not found:
        result.append(new)
    elements[:] = result


@overload
def _without_directives(node: Mapping) -> Mapping: ...
@overload
def _without_directives(node: Node) -> Node: ...
def _without_directives(node: Node) -> Node:
    """A copy of what a patch adds."""
    if isinstance(node, dict):
        return {key: _without_directives(value) for key, value in node.items() if key != _DIRECTIVE}
    if isinstance(node, list):
        return [_without_directives(value) for value in node]
    return node
