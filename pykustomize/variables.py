"""``vars``: ``$(NAME)`` in documents, replaced by the value of a field of one of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pykustomize.errors import KustomizeError
from pykustomize.fieldpaths import look_up
from pykustomize.fieldspecs import change_fields
from pykustomize.identities import ResId
from pykustomize.nodes import BOOL, FLOAT, INT, STR, UNTAGGED, Node, Scalar, replace_everywhere
from pykustomize.resources import Resource, Resources
from pykustomize.tables import Specs

_REFERENCE = re.compile(r"\$(\$|\(([^)]*)\)|)")
_SIMPLE = re.compile(r"-?(0|[1-9][0-9]{0,17})|true|false")
_INDEX = re.compile(r"(.*)\[([0-9]+)\]")


@dataclass(frozen=True)
class Variable:
    """An entry of ``vars``.

    :param target: group, version, kind, name and perhaps namespace of the document that has the value.
    :param path: its field.
    """

    name: str
    target: ResId
    path: str
    where: str


def note_variables(resources: Resources, known: list[Variable], new: list[Variable]) -> None:
    """Remember in documents that they hold values; add the new variables to those that are known.

    :raises KustomizeError: a name appears twice, or could mean two documents.
    """
    for variable in new:
        target = variable.target
        found = [resource for resource in resources if resource.body and _is_meant(resource, target)]
        if len(found) > 1:
            raise KustomizeError(variable.where, f"the variable could mean more than one {target}")
        if found:
            found[0].variables.append(variable.name)
    add_variables(known, new)


def add_variables(known: list[Variable], new: list[Variable]) -> None:
    """Add the variables of another kustomization.

    :raises KustomizeError: a name appears twice.
    """
    for variable in new:
        if any(other.name == variable.name for other in known):
            raise KustomizeError(variable.where, f"there is a variable '{variable.name}' already")
        known.append(variable)


def _is_meant(resource: Resource, target: ResId) -> bool:
    by_namespace = target.namespace or target.is_cluster_scoped
    return any(
        identity.same(target if by_namespace else target.in_namespace(identity.namespace))
        for identity in (resource.current_id, *resource.former_ids)
    )


def resolve_variables(resources: Resources, variables: list[Variable], specs: Specs) -> None:
    """Replace ``$(NAME)`` wherever it may stand.

    :raises KustomizeError: a variable without a value, or a text in which it could be lost.
    """
    values = {variable.name: _value(resources, variable) for variable in variables}
    if not values:
        return
    for resource in resources:
        _Replacer(resource, values).replace(specs)


def _value(resources: Resources, variable: Variable) -> Scalar:
    holder = next((one for one in resources if variable.name in one.variables), None)
    if holder is None:
        raise KustomizeError(variable.where, f"there is no {variable.target}")
    steps: list[str] = []
    for step in variable.path.split("."):
        match = _INDEX.fullmatch(step)
        steps += [part for part in match.groups() if part] if match else [step]
    value = look_up(holder.body, steps, variable.where)
    if not isinstance(value, Scalar):
        raise KustomizeError(variable.where, f"'{variable.path}' of {holder.current_id} is no value")
    typed = value.tag in (INT, BOOL)
    if value.tag == FLOAT or (typed and not _SIMPLE.fullmatch(value.text)):
        raise KustomizeError(variable.where, f"'{value.text}' is not supported as a value")
    return Scalar(value.text, value.tag if typed else STR)


@dataclass(frozen=True)
class _Replacer:
    resource: Resource
    values: dict[str, Scalar]

    def replace(self, specs: Specs) -> None:
        change_fields(self.resource, specs, self._field, None)

    def _field(self, node: Node) -> Node:
        if isinstance(node, dict):
            for key, value in node.items():
                node[key] = self._scalar(value)
        elif isinstance(node, list):
            for number, value in enumerate(node):
                if not _is_string(value):
                    raise self._error("a list of texts has something else in it")
                node[number] = self._scalar(value)
        else:
            return self._scalar(node)
        return node

    def _scalar(self, node: Node) -> Node:
        if not isinstance(node, Scalar) or not _is_string(node):
            return node
        new = self._replaced(node.text)
        if self.resource.shares and self.resource.body is not None:
            replace_everywhere(self.resource.body, node, new)
        return new

    def _replaced(self, text: str) -> Scalar:
        """The text with the values in it. A text that is one reference and nothing else gets the value's type."""
        whole = _REFERENCE.fullmatch(text)
        if whole and whole[2] in self.values:
            return self.values[whole[2]]
        return Scalar(_REFERENCE.sub(self._one, text), STR)

    def _one(self, match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        if match[2] is not None:
            value = self.values.get(match[2])
            return match[0] if value is None else value.text
        behind = match.string[match.end() : match.end() + 1]
        if not behind.isascii():
            raise self._error("kubectl would lose a character behind '$'")
        return match[0]

    def _error(self, message: str) -> KustomizeError:
        return KustomizeError(self.resource.origin, f"{self.resource.current_id}: {message}")


def _is_string(node: Node) -> bool:
    return isinstance(node, Scalar) and node.tag in (STR, UNTAGGED)
