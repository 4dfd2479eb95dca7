"""What a kustomization does to all its documents: namespace, prefix and suffix, labels, annotations, images."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from pykustomize import fieldspecs
from pykustomize.errors import KustomizeError
from pykustomize.fieldspecs import FieldSpec, update
from pykustomize.kustomization import Image, Kustomization, Label
from pykustomize.nodes import STR, Node, Scalar, is_null, lookup, replace_everywhere, text_of
from pykustomize.resources import Resource, Resources
from pykustomize.scalars import untyped
from pykustomize.texts import string

_UNPREFIXED = (("", "CustomResourceDefinition"), ("apiregistration.k8s.io", "APIService"), ("", "Namespace"))
_IMAGE_NAME = re.compile(r"[A-Za-z0-9._/:-]+")


def transform(resources: Resources, kustomization: Kustomization) -> None:
    """Apply everything but the patches, in kustomize's order.

    :raises KustomizeError: two documents get the same name, or a document has no place for a change.
    """
    if kustomization.namespace:
        _set_namespace(resources, kustomization.namespace)
    _rename(resources, kustomization.name_prefix, kustomization.name_suffix)
    for label in kustomization.labels:
        _set_entries(resources, label.pairs, _label_places(label))
    _set_entries(resources, kustomization.annotations, fieldspecs.ANNOTATIONS)
    for image in kustomization.images:
        _set_image(resources, image, kustomization.where)


def _change(
    resource: Resource, specs: Iterable[FieldSpec], change: Callable[[Node], Node], new: type | None
) -> None:
    identity = resource.current_id
    for spec in specs:
        if resource.body is not None and spec.applies_to(identity):
            update(resource.body, spec, change, new=new, where=f"{resource.origin}: {identity}")


def _set_namespace(resources: Resources, namespace: str) -> None:
    for resource in resources:
        resource.remember_id()
        if not resource.current_id.is_cluster_scoped:
            resource.set_namespace(namespace)
        if resource.kind in ("RoleBinding", "ClusterRoleBinding"):
            _set_subject_namespaces(resource, namespace)
        _change(resource, fieldspecs.NAMESPACES, lambda _: Scalar(namespace), str)
        identity = resource.current_id
        if len(resources.having(lambda known, identity=identity: known.current_id.same(identity))) > 1:  # type: ignore[misc]
            raise KustomizeError(resource.origin, f"in namespace {namespace} there are two of {identity}")


def _set_subject_namespaces(resource: Resource, namespace: str) -> None:
    """Of the subjects only ``default`` moves here; service accounts of this build follow as references."""
    subjects = lookup(resource.body, "subjects")
    for subject in subjects if isinstance(subjects, list) else []:
        if isinstance(subject, dict) and text_of(subject.get("name")) == "default":
            subject["namespace"] = Scalar(namespace)


def _rename(resources: Resources, prefix: str, suffix: str) -> None:
    for resource in resources:
        if any(resource.original_id.is_a(group, "", kind) for group, kind in _UNPREFIXED):
            continue
        if prefix:
            resource.prefixes.append(prefix)
            resource.remember_id()
            resource.set_name(prefix + resource.name)
        if suffix:
            resource.suffixes.append(suffix)
            resource.remember_id()
            resource.set_name(resource.name + suffix)


def _label_places(label: Label) -> tuple[FieldSpec, ...]:
    if label.include_selectors:
        common = fieldspecs.SELECTOR_LABELS
    else:
        common = fieldspecs.TEMPLATE_LABELS if label.include_templates else fieldspecs.METADATA_LABELS
    return (*label.fields, *common)


def _set_entries(resources: Resources, pairs: dict[str, str], specs: tuple[FieldSpec, ...]) -> None:
    for resource in resources:
        for key in sorted(pairs):
            _set_entry(resource, key, pairs[key], specs)


def _set_entry(resource: Resource, key: str, text: str, specs: tuple[FieldSpec, ...]) -> None:
    """Set one label or annotation. Where it is new it is the same scalar everywhere, as it is for kustomize."""
    new = string(text)
    added = 0

    def change(node: Node) -> Node:
        nonlocal added
        if not isinstance(node, dict):
            raise KustomizeError(
                resource.origin, f"{resource.current_id}: '{key}' has no mapping to stand in"
            )
        old = node.get(key)
        if isinstance(old, Scalar) and not is_null(old):
            node[key] = changed = Scalar(text, STR, old.quoted)
            if resource.shares and resource.body is not None:
                replace_everywhere(resource.body, old, changed)
        else:
            node[key] = new
            added += 1
        return node

    _change(resource, specs, change, dict)
    resource.shares = resource.shares or added > 1


def _set_image(resources: Resources, image: Image, where: str) -> None:
    if not _IMAGE_NAME.fullmatch(image.name):
        raise KustomizeError(where, f"images: the name '{image.name}' is not supported")
    pattern = re.compile(rf"{image.name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?")

    def set_image(node: Node) -> Node:
        if is_null(node):
            return node
        if not isinstance(node, Scalar):
            raise KustomizeError(where, "images: there is an 'image' that is not a string")
        if not pattern.fullmatch(node.text):
            return node
        return untyped(node, _new_image(node.text, image))

    for resource in resources:
        if resource.body is not None and resource.kind != "CustomResourceDefinition":
            _set_in_containers(resource.body, set_image, resource.origin)
        _change(resource, fieldspecs.IMAGES, set_image, None)


def _set_in_containers(node: Node, change: Callable[[Node], Node], where: str) -> None:
    """Change ``image`` in every list called ``containers`` or ``initContainers``, wherever it is."""
    if isinstance(node, list):
        for element in node:
            _set_in_containers(element, change, where)
    elif isinstance(node, dict):
        for name, value in node.items():
            _set_in_containers(value, change, where)
            if name in ("containers", "initContainers") and isinstance(value, list):
                _set_each(value, change, where)


def _set_each(containers: list[Node], change: Callable[[Node], Node], where: str) -> None:
    for container in containers:
        if not isinstance(container, dict):
            raise KustomizeError(where, "images: there is a container that is not a mapping")
        if "image" in container:
            container["image"] = change(container["image"])


def _new_image(text: str, image: Image) -> str:
    name, tag, digest = _split_image(text)
    if image.new_tag or image.digest:
        tag, digest = image.new_tag, image.digest
    name = image.new_name or name
    return f"{name}{':' + tag if tag else ''}{'@' + digest if digest else ''}"


def _split_image(text: str) -> tuple[str, str, str]:
    """Name, tag and digest; a colon before the first slash belongs to the registry."""
    name, _, digest = text.partition("@")
    slash = max(name.find("/"), 0)
    base, _, tag = name[slash:].partition(":")
    return name[:slash] + base, tag, digest
