"""How references by name follow a document that was renamed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pykustomize.errors import KustomizeError
from pykustomize.fieldspecs import FieldSpec, update
from pykustomize.identities import NO_NAMESPACE, ResId
from pykustomize.nodes import STR, UNTAGGED, Mapping, Node, Scalar, is_null, lookup, text_of
from pykustomize.referables import Referable
from pykustomize.resources import Resource, Resources
from pykustomize.scalars import untyped


def fix_references(resources: Resources, referables: tuple[Referable, ...]) -> None:
    """Put the present names (and namespaces) of renamed documents wherever the former ones stand.

    Even where nothing was renamed the fields are looked at, as kubectl does: they must be readable.

    :param referables: which fields refer to which types.
    :raises KustomizeError: a name could mean two documents, or a field that holds one is odd.
    """
    renamed = Resources(resources.having(lambda known: bool(known.former)))
    by_type: dict[tuple[str, str, str], list[tuple[Referable, FieldSpec]]] = {}
    for referrer in resources:
        identity = referrer.original_id
        kind = (identity.group, identity.version, identity.kind)
        if kind not in by_type:
            by_type[kind] = _fields_of(identity, referables)
        fields = by_type[kind]
        if referrer.body is None or not fields:
            continue
        candidates = _reachable(referrer, renamed)
        for target, spec in fields:
            reference = _Reference(referrer, target, spec, candidates)
            where = f"{referrer.origin}: {referrer.current_id}"
            update(referrer.body, spec, reference.follow, new=None, where=where)


def _fields_of(identity: ResId, referables: tuple[Referable, ...]) -> list[tuple[Referable, FieldSpec]]:
    """The fields of a type that may hold names, with what they refer to; in kustomize's order."""
    return [(target, spec) for target in referables for spec in target.fields if spec.applies_to(identity)]


def _reachable(referrer: Resource, resources: Resources) -> list[Resource]:
    """What a document could refer to: its own namespace, what has none, and what a RoleBinding names."""
    identity = referrer.current_id
    if identity.is_cluster_scoped:
        return list(resources)
    named = _subject_namespaces(referrer)
    return resources.having(
        lambda known: (
            known.current_id.is_cluster_scoped
            or known.current_id.effective_namespace == identity.effective_namespace
            or known.namespace in named
        )
    )


def _subject_namespaces(referrer: Resource) -> set[str]:
    """The namespaces that the service accounts of a RoleBinding are in.

    :raises KustomizeError: a subject is no mapping of strings.
    """
    subjects = lookup(referrer.body, "subjects") if referrer.kind == "RoleBinding" else None
    found = set()
    for subject in subjects if isinstance(subjects, list) else []:
        if not isinstance(subject, dict):
            raise KustomizeError(referrer.origin, f"{referrer.current_id}: a subject must be a mapping")
        if "namespace" not in subject or "kind" not in subject:
            continue
        kind, namespace = subject["kind"], subject["namespace"]
        if not _is_string(kind) or (text_of(kind) == "ServiceAccount" and not _is_string(namespace)):
            raise KustomizeError(referrer.origin, f"{referrer.current_id}: a subject has odd fields")
        if text_of(kind) == "ServiceAccount":
            found.add(text_of(namespace))
    return found


def _is_string(node: Node) -> bool:
    return isinstance(node, Scalar) and node.tag in (STR, UNTAGGED)


@dataclass(frozen=True)
class _Reference:
    """One field of one document that may refer to documents of one type."""

    referrer: Resource
    target: Referable
    spec: FieldSpec
    candidates: list[Resource]

    def follow(self, node: Node) -> Node:
        if isinstance(node, list):
            return [self._one(element) for element in node]
        return self._one(node)

    def _one(self, node: Node) -> Node:
        if is_null(node):
            return node
        if isinstance(node, dict):
            return self._mapping(node)
        if isinstance(node, Scalar):
            found = self._select(node.text, self.candidates, lambda known: known.name)
            return untyped(node, found.name) if found and found.name != node.text else node
        raise self._error("is a list of lists")

    def _mapping(self, node: Mapping) -> Node:
        """A reference with a name and a namespace of its own."""
        name = node.get("name")
        if not isinstance(name, Scalar):
            raise self._error("has no name")
        candidates = self._in_namespace(node.get("namespace"))
        found = self._select(name.text, candidates, lambda known: (known.name, known.namespace))
        if found is None or (found.name == name.text and not found.namespace):
            return node
        node["name"] = untyped(name, found.name)
        if found.namespace:
            node["namespace"] = untyped(node.get("namespace"), found.namespace)
        return node

    def _in_namespace(self, namespace: Node | None) -> list[Resource]:
        if namespace is None:
            return self.candidates
        text = text_of(namespace)
        original = [known for known in self.candidates if known.original_id.effective_namespace == text]
        if text == NO_NAMESPACE or original:
            return original
        return [known for known in self.candidates if known.current_id.effective_namespace == text]

    def _select(
        self, name: str, candidates: list[Resource], identity: Callable[[Resource], object]
    ) -> Resource | None:
        """The one document that was once called ``name``, or ``None``."""
        target = self.target
        found = [
            known
            for known in candidates
            if any(former.name == name for former in known.former_ids)
            and any(former.is_a(target.group, target.version, target.kind) for former in known.former_ids)
            and self._fits_role(known)
            and self._near(known)
        ]
        for strict in (False, True):
            if len(found) > 1:
                found = [known for known in found if _same_affixes(known, self.referrer, strict=strict)]
        if len({identity(known) for known in found}) > 1:
            raise self._error(f"'{name}' could mean {' or '.join(str(known.current_id) for known in found)}")
        return found[0] if found else None

    def _fits_role(self, known: Resource) -> bool:
        role = lookup(self.referrer.body, "roleRef")
        if not self.spec.path.endswith("roleRef/name") or not isinstance(role, dict):
            return True
        if "apiGroup" not in role or "kind" not in role:
            return True
        group, kind = text_of(role["apiGroup"]), text_of(role["kind"])
        return any(former.is_a(group, "", kind) for former in known.former_ids)

    def _near(self, known: Resource) -> bool:
        ours, theirs = self.referrer.current_id, known.current_id
        return (
            ours.is_cluster_scoped
            or theirs.is_cluster_scoped
            or known.kind == "ServiceAccount"
            or ours.effective_namespace == theirs.effective_namespace
        )

    def _error(self, message: str) -> KustomizeError:
        return KustomizeError(
            self.referrer.origin, f"{self.referrer.current_id}: the reference in '{self.spec.path}' {message}"
        )


def _same_affixes(one: Resource, other: Resource, *, strict: bool) -> bool:
    return all(
        _same_ending(ours, theirs) or (not strict and not (ours and theirs))
        for ours, theirs in ((one.prefixes, other.prefixes), (one.suffixes, other.suffixes))
    )


def _same_ending(one: list[str], other: list[str]) -> bool:
    size = min(len(one), len(other))
    return one[-size:] == other[-size:] if size else one == other
