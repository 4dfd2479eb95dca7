"""Our tables of types and fields are kubectl's."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pykustomize import defaults
from pykustomize.fieldspecs import FieldSpec
from pykustomize.referables import REFERABLES
from pykustomize.schema import CLUSTER_SCOPED, SHAPES, Shape
from pykustomize.tests.conformance import oracle_data
from pykustomize.tests.conformance.oracle_data import GVK, every, extensions

Spec = tuple[str, str, str, str, bool]


def shape_dict(shape: Shape) -> dict[str, Any]:
    """A shape as plain data."""
    return {name: (below.keys, shape_dict(below)) for name, below in shape.fields.items()}


@cache
def schemas() -> dict[str, bytes]:
    """Every schema by its name."""
    return oracle_data.definitions()


def reference(schema: bytes) -> str:
    """The name that a ``$ref`` points to."""
    return next((value.decode().rsplit("/", 1)[1] for value in every(schema, 1)), "")


def merge_keys(schema: bytes) -> tuple[str, ...] | None:
    """The keys of a list that is merged, ``None`` for anything else."""
    found = extensions(schema, 31)
    is_list = any(b"array" in value for value in every(schema, 22))
    if not is_list or "merge" not in found.get("x-kubernetes-patch-strategy", "").split(","):
        return None
    keys = found.get("x-kubernetes-list-map-keys")
    key = found.get("x-kubernetes-patch-merge-key")
    return tuple(keys) if keys else (key,) if key else ()


def expected_fields(schema: bytes, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """What matters below a schema, in the form of :func:`shape_dict`."""
    result: dict[str, Any] = {}
    name = reference(schema)
    if name in path:
        return result
    if name:
        return expected_fields(schemas()[name], (*path, name))
    for item in (prop for props in every(schema, 25) for prop in every(props, 1)):
        field, below = every(item, 1)[0].decode(), every(item, 2)[0]
        keys = merge_keys(below)
        element = every(every(below, 23)[0], 1)[0] if keys is not None else below
        inner = expected_fields(element, path)
        if keys is not None or inner:
            result[field] = (keys, inner)
    return result


def test_merge_keys(kubectl: Path) -> None:
    """Every type that kubectl knows, every list in it that is merged, with its keys."""
    expected = {}
    for schema in schemas().values():
        types = extensions(schema, 31).get(GVK, [])
        fields = expected_fields(schema) if len(types) == 1 else {}
        name = oracle_data.type_name(types[0]) if len(types) == 1 else ""
        if fields and not name.endswith("List"):
            expected[name] = fields
    assert {name: shape_dict(shape) for name, shape in SHAPES.items()} == expected


def test_cluster_scoped_types(kubectl: Path) -> None:
    """The types without a namespace."""
    assert oracle_data.cluster_scoped() == CLUSTER_SCOPED


def theirs(name: str) -> set[Spec]:
    """One of kubectl's lists of fields."""
    return {as_spec(entry) for entry in oracle_data.field_table(name)}


def as_spec(entry: dict[str, Any]) -> Spec:
    """One entry of kubectl's lists."""
    kind, group, version = (entry.get(key, "") for key in ("kind", "group", "version"))
    return entry["path"], kind, group, version, entry.get("create", False)


def ours(specs: tuple[FieldSpec, ...]) -> set[Spec]:
    """One of our lists of fields."""
    return {(spec.path, spec.kind, spec.group, spec.version, spec.create) for spec in specs}


def test_places_of_labels_and_annotations(kubectl: Path) -> None:
    """Where labels and annotations are added."""
    assert ours(defaults.SELECTOR_LABELS) == theirs("commonLabels")
    assert ours(defaults.TEMPLATE_LABELS) == theirs("templateLabels")
    assert ours(defaults.ANNOTATIONS) == theirs("commonAnnotations")


def test_places_of_namespaces_and_images(kubectl: Path) -> None:
    """Where namespaces and images stand. Images are never created, whatever kubectl's table says."""
    assert ours(defaults.NAMESPACES) == theirs("namespace")
    assert {spec[0] for spec in ours(defaults.IMAGES)} == {spec[0] for spec in theirs("images")}


def test_places_of_replicas_and_variables(kubectl: Path) -> None:
    """Where numbers of pods stand, and where variables are replaced."""
    assert ours(defaults.REPLICAS) == theirs("replicas")
    assert ours(defaults.VARIABLES) == theirs("varReference")


def test_places_of_references(kubectl: Path) -> None:
    """Which fields refer to which types. kubectl's IngressClass has a group that no document has."""
    expected = {
        (entry["kind"], entry.get("group", ""), entry.get("version", "")): {
            as_spec(field) for field in entry["fieldSpecs"]
        }
        for entry in oracle_data.field_table("nameReference")
    }
    assert expected.pop(("IngressClass", "networking.k8s.io/v1", "v1"))
    assert {(one.kind, one.group, one.version): ours(one.fields) for one in REFERABLES} == expected
