"""Documents on their way through the build: what they are called now and were called before, and lists of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pykustomize.errors import KustomizeError
from pykustomize.identities import ResId, split_api_version
from pykustomize.jsonvalues import through_json
from pykustomize.nodes import (
    STR,
    Mapping,
    Node,
    Scalar,
    copy_mapping,
    is_null,
    lookup,
    strings,
    text_of,
)
from pykustomize.scalars import untyped
from pykustomize.texts import string_mapping

_INTERNAL = ("internal.config.kubernetes.io/", "kustomize.config.k8s.io/", "internal.kustomize.io/")
_INTERNAL_NAMES = frozenset(f"config.kubernetes.io/{name}" for name in ("path", "index", "id")) | frozenset(
    f"config.k8s.io/{name}" for name in ("path", "index", "id")
)


@dataclass(eq=False)
class Resource:
    """One document on its way through the build.

    :param body: the document; ``None`` once a patch has deleted it.
    :param former: namespace, name and kind of every earlier identity, oldest first.
    :param prefixes: name prefixes that it got, in order.
    :param suffixes: name suffixes that it got, in order.
    :param needs_hash: its name gets a hash of its contents at the end.
    :param behavior: ``create``, ``replace`` or ``merge``, for generated documents.
    :param shares: some scalars stand in several places, see :func:`.nodes.replace_everywhere`.
    :param variables: names of ``vars`` whose values it holds.
    :param origin: file that it came from, for messages.
    """

    body: Mapping | None
    origin: str
    former: list[tuple[str, str, str]] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    suffixes: list[str] = field(default_factory=list)
    needs_hash: bool = False
    behavior: str = ""
    shares: bool = False
    variables: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """``metadata.name``."""
        return text_of(lookup(self.body, "metadata", "name"))

    @property
    def namespace(self) -> str:
        """``metadata.namespace``, ``""`` if it has none."""
        return text_of(lookup(self.body, "metadata", "namespace"))

    @property
    def kind(self) -> str:
        """``kind``."""
        return text_of(lookup(self.body, "kind"))

    @property
    def current_id(self) -> ResId:
        """What it is called now."""
        group, version = split_api_version(text_of(lookup(self.body, "apiVersion")))
        return ResId(group, version, self.kind, self.name, self.namespace)

    @property
    def former_ids(self) -> list[ResId]:
        """What it was called before, oldest first."""
        group, version = split_api_version(text_of(lookup(self.body, "apiVersion")))
        return [ResId(group, version, kind, name, namespace) for namespace, name, kind in self.former]

    @property
    def original_id(self) -> ResId:
        """What it was called first."""
        return self.former_ids[0] if self.former else self.current_id

    def remember_id(self) -> None:
        """Store the current identity before it changes."""
        now = self.current_id
        self.former.append((now.effective_namespace, now.name, now.kind))

    @property
    def is_annotated(self) -> bool:
        """Whether kustomize keeps something in the document's annotations."""
        return any(
            (self.former, self.prefixes, self.suffixes, self.needs_hash, self.behavior, self.variables)
        )

    def forget(self) -> None:
        """Lose all that kustomize keeps in annotations; a patch that removes the annotations does that."""
        self.former, self.prefixes, self.suffixes, self.variables = [], [], [], []
        self.needs_hash, self.behavior = False, ""

    def metadata(self) -> Mapping:
        """``metadata``, made if it is missing."""
        if self.body is None:
            raise KustomizeError(self.origin, "the document was deleted")
        metadata = self.body.get("metadata")
        if not isinstance(metadata, dict):
            metadata = self.body["metadata"] = {}
        return metadata

    def set_name(self, name: str) -> None:
        """Set ``metadata.name``. What it is written with stays, and without quotes it is what it looks like."""
        self.metadata()["name"] = untyped(self.metadata().get("name"), name)

    def affix(self, prefix: str, suffix: str) -> None:
        """Put something before and behind ``metadata.name``."""
        self.set_name(f"{prefix}{self.name}{suffix}")

    def set_namespace(self, namespace: str) -> None:
        """Set or, if empty, remove ``metadata.namespace``."""
        if namespace:
            self.metadata()["namespace"] = Scalar(namespace)
        else:
            self.metadata().pop("namespace", None)

    def labels(self) -> dict[str, str]:
        """``metadata.labels``."""
        return strings(lookup(self.body, "metadata", "labels"))

    def annotations(self) -> dict[str, str]:
        """``metadata.annotations``."""
        return strings(lookup(self.body, "metadata", "annotations"))

    def set_strings(self, name: str, values: dict[str, str]) -> None:
        """Set ``metadata.NAME`` to a mapping of strings; an empty one is removed."""
        metadata = self.metadata()
        metadata.pop(name, None)
        if values:
            metadata[name] = string_mapping(values)

    def copy(self) -> Resource:
        """An independent copy."""
        return Resource(
            None if self.body is None else copy_mapping(self.body),
            self.origin,
            list(self.former),
            list(self.prefixes),
            list(self.suffixes),
            self.needs_hash,
            self.behavior,
        )


def from_documents(documents: Iterable[Node], origin: str) -> list[Resource]:
    """Resources of the documents of one file; the members of ``List`` documents one by one.

    :raises KustomizeError: a document without kind or name, or with what only kustomize itself may write.
    """
    queue = list(documents)
    result: list[Resource] = []
    while queue:
        body = queue.pop(0)
        if not isinstance(body, dict):
            raise KustomizeError(origin, "a document must be a mapping")
        kind = body.get("kind")
        if not isinstance(kind, Scalar) or not text_of(kind):
            raise KustomizeError(origin, "a document has no kind")
        if kind.text.endswith("List") and "items" in body:
            queue += _members(body["items"], origin)
            continue
        resource = Resource(body, origin)
        _check(resource)
        result.append(resource)
    return result


def _members(items: Node, origin: str) -> list[Node]:
    if not isinstance(items, list):
        raise KustomizeError(origin, "'items' of a List must be a list")
    return [through_json(member, origin, floats=False) for member in items]


def _check(resource: Resource) -> None:
    check_identity(resource)
    for key in resource.annotations():
        if key.startswith(_INTERNAL) or key in _INTERNAL_NAMES:
            raise KustomizeError(resource.origin, f"the annotation '{key}' is kustomize's own")


def check_identity(resource: Resource, *, typed: bool = True) -> None:
    """Refuse a document whose kind, name, labels or annotations cannot be read.

    :param typed: kind, version, name and namespace must be strings for YAML, too.
    :raises KustomizeError: with the field.
    """
    body, origin = resource.body, resource.origin
    if not resource.kind:
        raise KustomizeError(origin, "a document has no kind")
    name = lookup(body, "metadata", "name")
    if not isinstance(name, Scalar) or not resource.name:
        raise KustomizeError(origin, f"a document of kind {resource.kind} has no metadata.name")
    for path in (("kind",), ("apiVersion",), ("metadata", "name"), ("metadata", "namespace")):
        node = lookup(body, *path)
        is_string = isinstance(node, Scalar) and (node.tag == STR or not typed)
        if node is not None and not is_null(node) and not is_string:
            raise KustomizeError(
                origin, f"{'.'.join(path)} of {resource.kind} {resource.name} must be a string"
            )
    for place in ("labels", "annotations"):
        node = lookup(body, "metadata", place)
        if node is not None and not is_null(node) and not isinstance(node, dict):
            raise KustomizeError(
                origin, f"metadata.{place} of {resource.kind} {resource.name} must be a mapping"
            )


class Resources(list[Resource]):
    """Documents in the order in which they were read."""

    def add(self, resource: Resource) -> None:
        """Append one.

        :raises KustomizeError: there is one of that identity already.
        """
        identity = resource.current_id
        if self.having(lambda known: known.current_id.same(identity)):
            raise KustomizeError(resource.origin, f"{identity} is there already")
        self.append(resource)

    def having(self, test: Callable[[Resource], bool]) -> list[Resource]:
        """Those that pass a test."""
        return [resource for resource in self if test(resource)]

    def ever_called(self, identity: ResId) -> list[Resource]:
        """Those that have or once had this identity."""
        return self.having(
            lambda known: any(identity.same(other) for other in (*known.former_ids, known.current_id))
        )

    def drop_deleted(self) -> None:
        """Forget those that a patch deleted."""
        self[:] = self.having(lambda known: bool(known.body))
