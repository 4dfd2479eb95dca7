"""Applying ``patchesStrategicMerge``, ``patches`` and ``patchesJson6902``."""

from __future__ import annotations

from pykustomize.errors import KustomizeError
from pykustomize.files import Root
from pykustomize.json6902 import apply_patch, check_operations
from pykustomize.kustomization import Kustomization, Patch
from pykustomize.merge import merge
from pykustomize.nodes import STR, Mapping, Node, Scalar, is_null, lookup, text_of
from pykustomize.reader import decode, read_documents, read_json, read_legacy
from pykustomize.resources import Resource, Resources, check_identity, from_documents
from pykustomize.scalars import tag_of


def apply_strategic_merges(resources: Resources, kustomization: Kustomization, root: Root) -> None:
    """Apply ``patchesStrategicMerge``, in order. Each entry is a patch or, if it is none, the path of a file with some.

    :raises KustomizeError: a patch that is malformed, or for no document.
    """
    patches: list[Resource] = []
    for number, entry in enumerate(kustomization.strategic_merges):
        where = f"{kustomization.where}: patchesStrategicMerge[{number}]"
        try:
            patches += from_documents(read_documents(entry, where), where)
        except KustomizeError:
            where = str(root.path / entry)
            patches += from_documents(read_documents(decode(root.read(entry), where), where), where)
    if kustomization.strategic_merges and not patches:
        raise KustomizeError(kustomization.where, "patchesStrategicMerge: there is no patch in it")
    for patch in patches:
        _merge_copies([_named(resources, patch)], patch, Patch("", "", None), patch.origin)
        resources.drop_deleted()
        _check_identities(resources, patch.origin)


def apply_patches(resources: Resources, kustomization: Kustomization, root: Root, *, strict: bool) -> None:
    """Apply ``patches``, in order.

    :param strict: a target that matches nothing is an error.
    :raises KustomizeError: a patch that is malformed, or without a target and for no document.
    """
    for number, patch in enumerate(kustomization.patches):
        where = str(root.path / patch.path) if patch.path else f"{kustomization.where}: patches[{number}]"
        text = decode(root.read(patch.path), where) if patch.path else patch.text.strip()
        if _is_json_patch(text, where):
            for resource in _selected(resources, patch, where, strict=strict):
                resource.remember_id()
                _apply_json(resource, _operations(text, where), where)
        else:
            _apply_strategic(resources, patch, text, where, strict=strict)
        resources.drop_deleted()


def apply_json_patches(
    resources: Resources, kustomization: Kustomization, root: Root, *, strict: bool
) -> None:
    """Apply ``patchesJson6902``, in order; they come after labels and annotations, and no former name is kept.

    :param strict: a target that matches nothing is an error.
    :raises KustomizeError: a patch that is malformed.
    """
    for number, patch in enumerate(kustomization.json_patches):
        where = (
            str(root.path / patch.path) if patch.path else f"{kustomization.where}: patchesJson6902[{number}]"
        )
        text = decode(root.read(patch.path), where) if patch.path else patch.text
        operations = _operations(text, where)
        for resource in _selected(resources, patch, where, strict=strict):
            _apply_json(resource, operations, where)


def _operations(text: str, where: str) -> list[Mapping]:
    return check_operations(
        read_json(text, where) if text.startswith("[") else read_legacy(text, where), where
    )


def _is_json_patch(text: str, where: str) -> bool:
    if text.startswith("["):
        return True
    documents = read_documents(text, where)
    if not documents:
        raise KustomizeError(where, "the patch is empty")
    lists = [isinstance(document, list) for document in documents]
    if any(lists) and len(lists) > 1:
        raise KustomizeError(where, "a JSON patch must be the only document")
    return lists[0]


def _apply_json(resource: Resource, operations: list[Mapping], where: str) -> None:
    if resource.body is not None:
        resource.shares = False
        resource.body = apply_patch(
            resource.body, operations, f"{where}: {resource.current_id}", annotated=resource.is_annotated
        )
    check_identity(resource)


def _selected(resources: Resources, patch: Patch, where: str, *, strict: bool) -> list[Resource]:
    target = patch.target
    if target is None:
        raise KustomizeError(where, "a JSON patch needs a target")
    selected = resources.having(target.selects)
    if strict and not selected:
        raise KustomizeError(where, "the patch's target matches nothing")
    return selected


def _apply_strategic(resources: Resources, patch: Patch, text: str, where: str, *, strict: bool) -> None:
    patches = from_documents(read_documents(text, where), where)
    if patch.target is None:
        for single in patches:
            _merge_into(_named(resources, single), single, patch, where)
        return
    if len(patches) > 1:
        raise KustomizeError(where, "a patch with a target must be a single document")
    _merge_copies(_selected(resources, patch, where, strict=strict), patches[0], patch, where)
    _check_identities(resources, where)


def _merge_copies(selected: list[Resource], patch: Resource, options: Patch, where: str) -> None:
    """Merge a copy of the patch into each document, with the document's own apiVersion."""
    for resource in selected:
        single = patch.copy()
        if single.body is not None:
            single.set_strings("labels", single.labels())
            single.set_strings("annotations", single.annotations())
            single.body["apiVersion"] = Scalar(resource.current_id.api_version)
        if options.allow_name_change and tag_of(single.name) != STR:
            raise KustomizeError(where, f"the name '{single.name}' would not stay a string")
        _merge_into(resource, single, options, where)


def _check_identities(resources: Resources, where: str) -> None:
    identities = [resource.current_id for resource in resources if resource.body]
    for number, identity in enumerate(identities):
        if any(identity.same(other) for other in identities[:number]):
            raise KustomizeError(where, f"after the patch there are two of {identity}")


def _named(resources: Resources, patch: Resource) -> Resource:
    found = resources.ever_called(patch.current_id)
    if len(found) != 1:
        many = "more than one document" if found else "nothing"
        raise KustomizeError(patch.origin, f"the patch for {patch.current_id} matches {many}")
    return found[0]


def _merge_into(resource: Resource, patch: Resource, options: Patch, where: str) -> None:
    if resource.body is None or patch.body is None:
        raise KustomizeError(where, f"the patch for {patch.current_id} is for a document that was deleted")
    name, namespace, kind = resource.name, resource.namespace, resource.kind
    if options.allow_name_change or options.allow_kind_change:
        resource.remember_id()
    resource.body = merge(
        resource.body, patch.body, f"{where}: {resource.current_id}", shares=resource.shares
    )
    if not resource.body:
        resource.body = None
        return
    if _removes_annotations(patch.body):
        resource.forget()
    if not options.allow_kind_change:
        resource.body["kind"] = Scalar(kind)
    if not options.allow_name_change:
        resource.set_name(name)
    resource.set_namespace(namespace)


def _removes_annotations(patch: Mapping) -> bool:
    """kustomize keeps a document's former names in its annotations: without them they are forgotten."""
    return any(_removes(lookup(patch, *path)) for path in ((), ("metadata",), ("metadata", "annotations")))


def _removes(node: Node | None) -> bool:
    if node is not None and is_null(node):
        return True
    return isinstance(node, dict) and text_of(node.get("$patch")) in ("replace", "delete")
