"""What a kustomization does to all its documents: namespace, prefix and suffix, labels, annotations."""

from __future__ import annotations

from pykustomize.defaults import METADATA_LABELS
from pykustomize.errors import KustomizeError
from pykustomize.fieldspecs import change_fields
from pykustomize.kustomization import Kustomization, Label
from pykustomize.nodes import STR, Node, Scalar, is_null, lookup, replace_everywhere, text_of
from pykustomize.resources import Resource, Resources
from pykustomize.tables import Specs, Tables, merge_specs
from pykustomize.texts import string

_UNPREFIXED = (("", "CustomResourceDefinition"), ("apiregistration.k8s.io", "APIService"), ("", "Namespace"))


def transform(resources: Resources, kustomization: Kustomization, tables: Tables) -> None:
    """Apply them, in kustomize's order.

    :param tables: where what stands in documents.

    :raises KustomizeError: two documents get the same name, or a document has no place for a change.
    """
    if kustomization.namespace:
        _set_namespace(resources, kustomization.namespace, tables.namespaces)
    _rename(resources, kustomization.name_prefix, kustomization.name_suffix)
    for label in kustomization.labels:
        _set_entries(resources, label.pairs, _label_places(label, tables, kustomization.where))
    _set_entries(resources, kustomization.annotations, tables.annotations)


def _set_namespace(resources: Resources, namespace: str, specs: Specs) -> None:
    for resource in resources:
        resource.remember_id()
        if not resource.current_id.is_cluster_scoped:
            resource.set_namespace(namespace)
        if resource.kind in ("RoleBinding", "ClusterRoleBinding"):
            _set_subject_namespaces(resource, namespace)
        change_fields(resource, specs, lambda _: Scalar(namespace), str)
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
            resource.affix(prefix, "")
        if suffix:
            resource.suffixes.append(suffix)
            resource.remember_id()
            resource.affix("", suffix)


def _label_places(label: Label, tables: Tables, where: str) -> Specs:
    if label.include_selectors:
        common = tables.selector_labels
    else:
        common = tables.template_labels if label.include_templates else ()
        common = merge_specs(common, METADATA_LABELS, where)
    if label.is_common:
        return common
    return merge_specs(merge_specs(tuple(label.fields), tables.labels, where), common, where)


def _set_entries(resources: Resources, pairs: dict[str, str], specs: Specs) -> None:
    for resource in resources:
        for key in sorted(pairs):
            _set_entry(resource, key, pairs[key], specs)


def _set_entry(resource: Resource, key: str, text: str, specs: Specs) -> None:
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
            node[key] = changed = Scalar(text, STR, old.style)
            if resource.shares and resource.body is not None:
                replace_everywhere(resource.body, old, changed)
        else:
            node[key] = new
            added += 1
        return node

    change_fields(resource, specs, change, dict)
    resource.shares = resource.shares or added > 1
