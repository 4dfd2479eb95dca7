"""Reading the fields of a kustomization file with their types; what is not asked for is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pykustomize.errors import KustomizeError
from pykustomize.nodes import BOOL, INT, STR, Mapping, Node, Scalar, is_null, kind_of
from pykustomize.scalars import value_of

T = TypeVar("T")


class Fields:
    """The fields of one mapping; each is asked for once, what remains is unknown.

    As for Go, upper and lower case are the same in their names.
    """

    def __init__(self, node: Node, where: str, path: str = "") -> None:
        if not isinstance(node, dict):
            raise KustomizeError(
                where, f"{path or 'a kustomization file'} must be a mapping, not a {kind_of(node)}"
            )
        self.rest: Mapping = {}
        for key, value in node.items():
            if key.lower() in self.rest:
                raise KustomizeError(where, f"{path or 'the file'}: the field '{key}' appears twice")
            self.rest[key.lower()] = value
        self.spelling = {key.lower(): key for key in node}
        self.where = where
        self.path = path

    def name(self, key: str) -> str:
        return f"{self.path}.{key}".strip(".")

    def error(self, key: str, message: str) -> KustomizeError:
        return KustomizeError(self.where, f"{self.name(key)}: {message}")

    def take(self, key: str) -> Node | None:
        node = self.rest.pop(key.lower(), None)
        return None if is_null(node) else node

    def string(self, key: str) -> str:
        node = self.take(key)
        return "" if node is None else self._string(key, node)

    def optional_string(self, key: str) -> str | None:
        """Tells an empty string from none."""
        node = self.take(key)
        return None if node is None else self._string(key, node)

    def _string(self, key: str, node: Node) -> str:
        if not isinstance(node, Scalar):
            raise self.error(key, f"must be a string, not a {kind_of(node)}")
        if node.tag != STR:
            raise self.error(key, f"'{node.text}' must be a string: put it in quotes")
        return node.text

    def flag(self, key: str) -> bool:
        node = self.take(key)
        if node is None:
            return False
        if not isinstance(node, Scalar) or node.tag != BOOL:
            raise self.error(key, "must be true or false")
        return node.text.lower() in ("true", "yes", "on", "y")

    def integer(self, key: str) -> int:
        node = self.take(key)
        if node is None:
            return 0
        value = value_of(node) if isinstance(node, Scalar) and node.tag == INT else None
        if not isinstance(value, int):
            raise self.error(key, "must be a whole number")
        return value

    def items(self, key: str, convert: Callable[[str, Node], T]) -> list[T]:
        node = self.take(key)
        if node is None:
            return []
        if not isinstance(node, list):
            raise self.error(key, f"must be a list, not a {kind_of(node)}")
        return [convert(f"{key}[{number}]", value) for number, value in enumerate(node)]

    def strings(self, key: str) -> list[str]:
        return self.items(key, self._string)

    def records(self, key: str, convert: Callable[[Fields], T]) -> list[T]:
        return self.items(key, lambda name, node: self._record(name, node, convert))

    def record(self, key: str, convert: Callable[[Fields], T]) -> T | None:
        node = self.take(key)
        return None if node is None else self._record(key, node, convert)

    def _record(self, key: str, node: Node, convert: Callable[[Fields], T]) -> T:
        fields = Fields(node, self.where, self.name(key))
        result = convert(fields)
        fields.finish()
        return result

    def mapping(self, key: str) -> dict[str, str]:
        node = self.take(key)
        if node is None:
            return {}
        if not isinstance(node, dict):
            raise self.error(key, f"must be a mapping, not a {kind_of(node)}")
        if "" in node:
            raise self.error(key, "has an empty name")
        return {name: self._string(f"{key}.{name}", value) for name, value in node.items()}

    def drop_empty(self, key: str) -> None:
        """Forget a field that has nothing in it."""
        node = self.rest.get(key.lower())
        if is_null(node) or node in ([], {}):
            self.rest.pop(key.lower(), None)

    def finish(self) -> None:
        for key in self.rest:
            raise self.error(self.spelling[key], "this field is not supported")
