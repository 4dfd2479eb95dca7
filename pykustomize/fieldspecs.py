"""Places in documents of a type, and how to change what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pykustomize.errors import KustomizeError
from pykustomize.identities import ResId
from pykustomize.nodes import UNTAGGED, Mapping, Node, Scalar, is_null
from pykustomize.resources import Resource


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A place in documents of a type.

    :param path: field names with ``/`` between; lists on the way are gone through; ``\\/`` is a slash in a name.
    :param kind: kind, group and version of the documents; empty fits every one.
    :param create: whether to make the field if it is missing.
    """

    path: str
    kind: str = ""
    group: str = ""
    version: str = ""
    create: bool = False

    def applies_to(self, identity: ResId) -> bool:
        """Whether documents of this type have the field."""
        return identity.is_a(self.group, self.version, self.kind)

    def covers(self, other: FieldSpec) -> bool:
        """Whether the other one is for the same field of these types or of some of them."""
        return self.path == other.path and all(
            ours in ("", theirs)
            for ours, theirs in (
                (self.group, other.group),
                (self.version, other.version),
                (self.kind, other.kind),
            )
        )

    def steps(self) -> list[str]:
        """The field names."""
        return [
            step.replace("\0", "/") for step in self.path.removeprefix("/").replace("\\/", "\0").split("/")
        ]


def update(
    body: Mapping, spec: FieldSpec, change: Callable[[Node], Node], *, new: type | None, where: object
) -> None:
    """Change the field that ``spec`` describes, if it is there or may be created.

    :param change: gets the old value, gives the new one.
    :param new: ``dict`` or ``str``: what is made where the field is missing and ``spec`` allows it; ``None``: nothing.
    :raises KustomizeError: the path leads through a scalar.
    """
    _Updater(spec, change, new if spec.create else None, where).at(body, spec.steps())


def change_fields(
    resource: Resource, specs: Iterable[FieldSpec], change: Callable[[Node], Node], new: type | None
) -> None:
    """Change the fields of a document that are described; see :func:`update`."""
    identity = resource.current_id
    for spec in specs:
        if resource.body is not None and spec.applies_to(identity):
            update(resource.body, spec, change, new=new, where=f"{resource.origin}: {identity}")


@dataclass(frozen=True)
class _Updater:
    spec: FieldSpec
    change: Callable[[Node], Node]
    new: type | None
    where: object

    def at(self, node: Node, steps: list[str]) -> Node:
        if not steps:
            return self.change(node)
        if isinstance(node, list):
            node[:] = [self.at(element, steps) for element in node]
        elif isinstance(node, dict):
            self._field(node, steps)
        elif not is_null(node):
            raise KustomizeError(self.where, f"'{self.spec.path}' leads through a scalar")
        return node

    def _field(self, node: Mapping, steps: list[str]) -> None:
        name, below = steps[0].removesuffix("[]"), steps[1:]
        if not name:
            raise KustomizeError(self.where, f"'{self.spec.path}' has an empty step")
        create = self.new is not None and not steps[0].endswith("[]")
        value = node.get(name)
        if is_null(value) and steps[0].endswith("[]"):
            if name in node:
                node[name] = []
            return
        if value is None or is_null(value):
            if not create:
                return
            value = {} if below or self.new is dict else Scalar("", UNTAGGED)
        node[name] = self.at(value, below)
