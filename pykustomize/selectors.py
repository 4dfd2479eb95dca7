"""Which documents a patch's ``target`` means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import re2

from pykustomize.errors import KustomizeError
from pykustomize.identities import ResId
from pykustomize.resources import Resource

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
# Names of labels and their values, as Kubernetes' validation.IsQualifiedName and IsValidLabelValue have them.
_PREFIX = r"(?=[^/]{1,253}/)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/"
_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY = rf"(?:{_PREFIX})?{_NAME}"
_VALUE = rf"(?:{_NAME})?"
_EQUALITY = re.compile(rf"\s*({_KEY})\s*(==?|!=)\s*({_VALUE})\s*")
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(([^()]*)\)\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_KEY})\s*")


@dataclass(frozen=True)
class Selector:
    """The ``target`` of a patch. Empty fields fit everything.

    :param group: regular expressions, anchored on both sides: group, version, kind, name and namespace.
    :param labels: a Kubernetes label selector; ``annotations`` likewise.
    :param where: the kustomization file, for messages.
    """

    where: str
    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    labels: str = ""
    annotations: str = ""

    def selects(self, resource: Resource) -> bool:
        """Whether the document is meant, by its first or its present name.

        :raises KustomizeError: an expression that is not understood.
        """
        now, first = resource.current_id, resource.original_id
        return (
            self._fits("namespace", first.effective_namespace, now.effective_namespace)
            and self._fits("name", first.name, now.name)
            and self._fits("group", now.group)
            and self._fits("version", now.version)
            and self._fits("kind", now.kind)
            and self.fits_labels(resource)
        )

    def selects_id(self, identity: ResId) -> bool:
        """Whether a document with this identity would be meant, whatever its labels and annotations."""
        return (
            self._fits("namespace", identity.namespace)
            and self._fits("name", identity.name)
            and self._fits("group", identity.group)
            and self._fits("version", identity.version)
            and self._fits("kind", identity.kind)
        )

    def fits_labels(self, resource: Resource) -> bool:
        """Whether labels and annotations are those that are asked for."""
        labels, annotations = self._requirements
        return all(one.holds(resource.labels()) for one in labels) and all(
            one.holds(resource.annotations()) for one in annotations
        )

    @property
    def names_nothing(self) -> bool:
        """Whether it is about labels and annotations alone."""
        return not any((self.group, self.version, self.kind, self.name, self.namespace))

    def _fits(self, name: str, *values: str) -> bool:
        pattern = self._patterns[name]
        return pattern is None or any(pattern.fullmatch(value) for value in values)

    @cached_property
    def _patterns(self) -> dict[str, Any]:
        names = ("group", "version", "kind", "name", "namespace")
        return {name: _compile(getattr(self, name), f"target.{name}", self.where) for name in names}

    @cached_property
    def _requirements(self) -> tuple[list[_Requirement], list[_Requirement]]:
        return (
            _parse(self.labels, "target.labelSelector", self.where),
            _parse(self.annotations, "target.annotationSelector", self.where),
        )


def _compile(pattern: str, field: str, where: str) -> Any:
    """The pattern in RE2, whose syntax is Go's and whose time is bounded; ``None`` fits everything."""
    if not pattern:
        return None
    # The one thing that RE2 knows and Go does not.
    if "\\C" in pattern:
        raise KustomizeError(where, f"{field}: the regular expression '{pattern}' is not supported")
    try:
        return re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace")
        raise KustomizeError(where, f"{field}: bad regular expression '{pattern}': {reason}") from error


@dataclass(frozen=True)
class _Requirement:
    """One part of a label selector."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: dict[str, str]) -> bool:
        if self.operator == "exists":
            return self.key in labels
        if self.operator == "missing":
            return self.key not in labels
        inside = labels.get(self.key) in self.values
        return inside if self.operator == "in" else not inside


def _parse(selector: str, field: str, where: str) -> list[_Requirement]:
    if not selector.strip():
        return []
    parts = re.split(r",(?![^()]*\))", selector)
    return [_requirement(part, field, where) for part in parts]


def _requirement(text: str, field: str, where: str) -> _Requirement:
    if match := _EQUALITY.fullmatch(text):
        key, operator, value = match.groups()
        return _Requirement(key, "notin" if operator == "!=" else "in", frozenset((value,)))
    if match := _SET.fullmatch(text):
        values = [value.strip() for value in match[3].split(",")]
        if all(re.fullmatch(_VALUE, value) for value in values):
            return _Requirement(match[1], match[2], frozenset(values))
    if (match := _EXISTS.fullmatch(text)) and match[2] not in ("in", "notin"):
        return _Requirement(match[2], "missing" if match[1] else "exists")
    raise KustomizeError(where, f"{field}: '{text.strip()}' is not supported")
