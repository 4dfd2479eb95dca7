"""Paths of fields as ``replacements`` write them: ``spec.template.spec.containers.[name=web].image``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import re2

from pykustomize.errors import KustomizeError
from pykustomize.nodes import UNTAGGED, Mapping, Node, Scalar, Sequence, is_null, kind_of

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


@dataclass(frozen=True)
class Place:
    """A field or an element that can be replaced."""

    parent: Mapping | Sequence
    key: Any

    @property
    def value(self) -> Node:
        """What is there."""
        found: Node = self.parent[self.key]
        return found

    def set(self, value: Node) -> None:
        """Put something else there."""
        self.parent[self.key] = value


def split(path: str) -> list[str]:
    """The steps of a path. ``\\.`` is a dot in a name, and so are those between brackets, which lists keep."""
    steps: list[str] = []
    for part in path.removeprefix(".").split("."):
        if steps and steps[-1].endswith("\\"):
            steps[-1] = f"{steps[-1][:-1]}.{part}"
        else:
            steps.append(part)
    result: list[str] = []
    while steps:
        step = steps.pop(0)
        if step.startswith("[") and not step.endswith("]"):
            while steps and not step.endswith("]"):
                step += f".{steps.pop(0)}"
            if "=" not in step:
                step = step.strip("[]")
        result.append(step)
    return result


def look_up(node: Node | None, steps: list[str], where: object) -> Node | None:
    """The node that a source's path leads to, or ``None``.

    :raises KustomizeError: the path does not fit the document.
    """
    for step in filter(None, (step.strip() for step in steps)):
        if node is None or is_null(node):
            return None
        if _is_index(step) or step == "-":
            elements = _elements(node, step, where)
            place = len(elements) - 1 if step == "-" else int(step)
            node = elements[place] if 0 <= place < len(elements) else None
        elif _is_element(step):
            name, value = _name_and_value(step, where)
            node = next(
                (one for one in _elements(node, step, where) if _field_text(one, name) == value), None
            )
        elif isinstance(node, dict):
            node = node.get(step)
        else:
            raise KustomizeError(where, f"'{step}' leads into a {kind_of(node)}")
    return node


def find(node: Node | None, steps: list[str], create: str, where: object) -> list[Place]:
    """Every place that a target's path leads to.

    :param create: kind of the value for which missing fields are made; ``""``: they are not.
    :raises KustomizeError: the path does not fit the document.
    """
    root: Mapping = {"": node if node is not None else {}}
    return _Finder(create, where).below(Place(root, ""), steps)


@dataclass(frozen=True)
class _Finder:
    create: str
    where: object

    def below(self, place: Place, steps: list[str]) -> list[Place]:
        if not steps:
            return [place]
        step, rest = steps[0], steps[1:]
        node = place.value
        if not step:
            raise KustomizeError(self.where, "a path has an empty step")
        if self.create and is_null(node):
            raise KustomizeError(self.where, f"'{step}' cannot be made below null")
        if _is_index(step):
            return self._index(node, step, rest)
        if _is_element(step):
            return self._matching(node, step, rest)
        if step == "*":
            every = range(len(_elements(node, step, self.where)))
            return [found for number in every for found in self.below(Place(node, number), rest)]  # type: ignore[arg-type]
        return self._field(node, step, rest)

    def _field(self, node: Node, step: str, rest: list[str]) -> list[Place]:
        if is_null(node):
            return []
        if not isinstance(node, dict):
            raise KustomizeError(self.where, f"'{step}' leads into a {kind_of(node)}")
        if step not in node:
            if not self.create:
                return []
            node[step] = self._new(rest)
        return self.below(Place(node, step), rest)

    def _index(self, node: Node, step: str, rest: list[str]) -> list[Place]:
        elements, place = _elements(node, step, self.where), int(step)
        if self.create and place == len(elements):
            elements.append(self._new(rest))
        if place >= len(elements):
            raise KustomizeError(self.where, f"there is no element {step}")
        return self.below(Place(elements, place), rest)

    def _matching(self, node: Node, step: str, rest: list[str]) -> list[Place]:
        elements = _elements(node, step, self.where)
        name, pattern = _name_and_value(step, self.where)
        found = self._matches(elements, name, pattern, rest)
        if found or not self.create:
            return found
        value = Scalar(pattern, UNTAGGED)
        elements.append({name: value} if name else value)
        found = self._matches(elements, name, pattern, rest)
        if not found:
            raise KustomizeError(self.where, f"'{step}' does not match what would be made for it")
        return found

    def _matches(self, elements: Sequence, name: str, pattern: str, rest: list[str]) -> list[Place]:
        """As kustomize has it, the expression fits anywhere in the text, which stands as it was written."""
        try:
            expression = re2.compile(pattern, _OPTIONS)
        except re2.error as error:
            raise KustomizeError(self.where, f"'{pattern}' is not a regular expression") from error
        found: list[Place] = []
        for number, element in enumerate(elements):
            value = element if not name else element.get(name) if isinstance(element, dict) else None
            if value is None or not expression.search(self._written(value)):
                continue
            # Behind a scalar the rest of the path does not count.
            found += self.below(Place(elements, number), rest if name else [])
        return found

    def _written(self, node: Node) -> str:
        if not isinstance(node, Scalar):
            raise KustomizeError(self.where, f"a {kind_of(node)} cannot be compared with an expression")
        if node.style in ("|", ">") or not re.fullmatch(r"[-\w./:@ ]*", node.text, re.ASCII):
            raise KustomizeError(self.where, f"'{node.text}' cannot be compared with an expression")
        quote = node.style
        return f"{quote}{node.text}{quote}".strip()

    def _new(self, rest: list[str]) -> Node:
        step = rest[0] if rest else ""
        if step == "*":
            raise KustomizeError(self.where, "'*' cannot be made")
        if _is_element(step) or _is_index(step) or (not step and self.create == "list"):
            return []
        return {} if step or self.create == "mapping" else Scalar("", UNTAGGED)


def _is_index(step: str) -> bool:
    return step.isdecimal() and step.isascii()


def _is_element(step: str) -> bool:
    return step.startswith("[") and step.endswith("]")


def _name_and_value(step: str, where: object) -> tuple[str, str]:
    name, equals, value = step.removesuffix("]").removeprefix("[").partition("=")
    if not equals:
        raise KustomizeError(where, f"'{step}' must be [NAME=VALUE]")
    return name, value


def _elements(node: Node, step: str, where: object) -> Sequence:
    if is_null(node):
        return []
    if not isinstance(node, list):
        raise KustomizeError(where, f"'{step}' is for a list, not for a {kind_of(node)}")
    return node


def _field_text(node: Node, name: str) -> str | None:
    if not name:
        return node.text if isinstance(node, Scalar) else ""
    field = node.get(name) if isinstance(node, dict) else None
    return field.text if isinstance(field, Scalar) else None
