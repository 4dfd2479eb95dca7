"""``replacements``: values of one document, or of the kustomization file, written into fields of others."""

from __future__ import annotations

from dataclasses import dataclass, field

from pykustomize.blocks import refuse_unstable
from pykustomize.errors import KustomizeError
from pykustomize.fieldpaths import find, look_up, split
from pykustomize.identities import ResId
from pykustomize.nodes import (
    FLOAT,
    INT,
    STR,
    UNTAGGED,
    Node,
    Scalar,
    copy_node,
    is_null,
    kind_of,
    renew_node,
    replace_everywhere,
)
from pykustomize.resources import Resource, Resources, check_identity
from pykustomize.scalars import tag_of
from pykustomize.selectors import Selector

_EXACT = 14  # digits that any float holds
_OWN: tuple[list[str], ...] = ([], ["metadata"], ["metadata", "annotations"])


@dataclass(frozen=True)
class Source:
    """Where a value comes from. Empty fields fit everything.

    :param path: the field.
    :param delimiter: the value is one part of a text with these between its parts, the one with this ``index``.
    """

    group: str
    version: str
    kind: str
    name: str
    namespace: str
    path: str
    delimiter: str
    index: int

    def selects(self, identity: ResId) -> bool:
        """Whether a document with this identity is meant."""
        namespace = ResId(self.group, self.version, self.kind, self.name, self.namespace).effective_namespace
        return (
            identity.is_a(self.group, self.version, self.kind)
            and self.name in ("", identity.name)
            and (not self.namespace or namespace == identity.effective_namespace)
        )


@dataclass(frozen=True)
class Target:
    """Where a value goes.

    :param delimiter: the value takes the place of one part of the text there, see :class:`Source`; a negative index is
        before the first part, one that is too big is behind the last.
    :param create: make fields that are missing.
    """

    select: Selector
    reject: list[Selector]
    paths: list[str]
    delimiter: str
    index: int
    create: bool

    def selects(self, resource: Resource) -> bool:
        """Whether the document is meant, by one of the names that it has or had."""
        if not self.select.fits_labels(resource):
            return False
        if any((one.labels or one.annotations) and one.fits_labels(resource) for one in self.reject):
            return False
        rejects = [one for one in self.reject if not one.names_nothing]
        return any(
            self.select.selects_id(identity) and not any(one.selects_id(identity) for one in rejects)
            for identity in (resource.current_id, *resource.former_ids)
        )


@dataclass(frozen=True)
class Replacement:
    """An entry of ``replacements``.

    :param source: where the value comes from, or ``None`` and ``value`` is it.
    """

    where: str
    source: Source | None
    value: str | None
    targets: list[Target] = field(default_factory=list)


def apply_replacements(resources: Resources, replacements: list[Replacement]) -> None:
    """Carry them out, in order.

    :raises KustomizeError: a source that is not one field, a field that is missing, or a value that does not fit.
    """
    for replacement in replacements:
        source = _source_of(resources, replacement)
        _value(replacement, source)  # has to be there even if it goes nowhere
        for target in replacement.targets:
            for resource in resources:
                if resource.body is not None and target.selects(resource):
                    for path in target.paths:
                        _write(resource, path, target, _value(replacement, source), replacement.where)
                    check_identity(resource, typed=False)


def _source_of(resources: Resources, replacement: Replacement) -> Resource | None:
    source = replacement.source
    if source is None:
        return None
    found = resources.having(
        lambda known: any(source.selects(one) for one in (known.current_id, *known.former_ids))
    )
    if len(found) != 1:
        many = "more than one document" if found else "no document"
        raise KustomizeError(replacement.where, f"source: there is {many} of that name")
    return found[0]


def _value(replacement: Replacement, document: Resource | None) -> Node:
    """The value as it is now: a target may be the source itself."""
    source = replacement.source
    if source is None or document is None:
        return Scalar(replacement.value or "", UNTAGGED)
    steps = split(source.path)
    if [step for step in steps if step.strip()] in _OWN:
        raise KustomizeError(replacement.where, "source.fieldPath: would copy kustomize's own annotations")
    value = look_up(document.body, steps, replacement.where)
    if value is None or is_null(value) or value in ([], {}):
        raise KustomizeError(replacement.where, f"source: '{source.path}' is missing")
    if not source.delimiter:
        return value
    if not isinstance(value, Scalar):
        raise KustomizeError(replacement.where, f"source: '{source.path}' is no text to be divided")
    parts = value.text.split(source.delimiter)
    if not 0 <= source.index < len(parts):
        raise KustomizeError(replacement.where, f"source: '{value.text}' has no part {source.index}")
    return value._replace(text=parts[source.index])


def _write(resource: Resource, path: str, target: Target, value: Node, where: str) -> None:
    steps = split(path)
    if steps in _OWN:
        raise KustomizeError(where, f"fieldPaths: '{path}' would replace kustomize's own annotations")
    places = find(resource.body, steps, kind_of(value) if target.create else "", where)
    if not places:
        raise KustomizeError(where, f"{resource.current_id} has no field '{path}'")
    for place in places:
        old = place.value
        new = _joined(old, value, target, where)
        place.set(new)
        if (
            resource.shares
            and isinstance(old, Scalar)
            and isinstance(new, Scalar)
            and resource.body is not None
        ):
            replace_everywhere(resource.body, old, new)


def _joined(old: Node, value: Node, target: Target, where: str) -> Node:
    """What comes into the field. A scalar keeps its type and style there."""
    if target.delimiter and not isinstance(old, Scalar):
        raise KustomizeError(where, "options.delimiter: is for texts alone")
    if not isinstance(old, Scalar):
        refuse_unstable(value, None, where)
        return renew_node(copy_node(value))
    if not isinstance(value, Scalar):
        raise KustomizeError(where, f"a {kind_of(value)} does not fit into a scalar")
    text = value.text
    if target.delimiter:
        text = _with_part(old.text.split(target.delimiter), target, text)
    if not text and old.tag == UNTAGGED and not old.style:
        raise KustomizeError(where, "an empty value would be a text or null, as the document is written")
    if old.tag in (STR, UNTAGGED) or tag_of(text) == old.tag:
        return old._replace(text=text)
    if old.tag == FLOAT and tag_of(text) == INT and len(text) < _EXACT:
        return Scalar(text, INT)
    raise KustomizeError(where, f"'{text}' does not fit where '{old.text}' is")


def _with_part(parts: list[str], target: Target, text: str) -> str:
    if target.index < 0:
        parts.insert(0, text)
    elif target.index >= len(parts):
        parts.append(text)
    else:
        parts[target.index] = text
    return target.delimiter.join(parts)
