"""Random kustomizations for the comparison with kubectl: bases, components, overlays, as trees of text files."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pykustomize.tests.conformance.documents import Draw, Tree, documents, names, some
from pykustomize.tests.conformance.patches import json_entries, patch_entries, replacements, strategic_entries
from pykustomize.tests.conformance.yaml_text import yaml_text


def _generators(draw: Draw, tree: Tree, place: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for kind, made in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
        if not draw(st.booleans()):
            continue
        entry: dict[str, Any] = {
            "name": draw(names),
            "literals": draw(st.lists(_literal, max_size=3, unique_by=_key)),
        }
        if draw(st.booleans()):
            tree.files[f"{place}/data.txt"] = draw(
                st.sampled_from(("hello\n", "a\nb\n", "", "<x & y>\n", "é"))
            )
            entry["files"] = ["data.txt", "other=data.txt"]
        if draw(st.booleans()):
            tree.files[f"{place}/some.env"] = "# comment\nE=1\nF=two words \n"
            entry["envs"] = ["some.env"]
        if draw(st.booleans()):
            entry["options"] = draw(
                st.sampled_from(
                    ({"disableNameSuffixHash": "true"}, {"immutable": "true"}, {"labels": {"gen": "'1'"}}, {})
                )
            )
        exists = (made, entry["name"]) in tree.known
        behavior = draw(st.sampled_from(("merge", "replace") if exists else ("", "create")))
        if behavior:
            entry["behavior"] = behavior
        tree.known.add((made, entry["name"]))
        fields[kind] = [entry]
        tree.features.add(f"{kind} {behavior}".strip())
    if fields and draw(st.booleans()):
        fields["generatorOptions"] = {"annotations": {"made": "here"}}
        tree.features.add("generatorOptions")
    return fields


_literal = st.sampled_from(("A=1", "B=x=y", "'C=\"quoted\"'", "D=", "'G=<é>'"))


def _key(literal: str) -> str:
    return literal.strip("'").partition("=")[0]


def _transformers(draw: Draw, tree: Tree) -> dict[str, Any]:
    fields = some(
        draw,
        namePrefix=st.sampled_from(("pre-", "x")),
        nameSuffix=st.sampled_from(("-suf", "'-2'")),
        namespace=st.sampled_from(("team", "default")),
        commonAnnotations=st.just({"common": "'yes'"}),
        commonLabels=st.just({"app": "common", "more": "'2'"}),
        sortOptions=st.sampled_from(({"order": "fifo"}, {"order": "legacy"})),
        labels=st.lists(
            st.fixed_dictionaries(
                {"pairs": st.just({"app": "web", "extra": "'1'"})},
                optional={
                    "includeSelectors": st.sampled_from(("true", "false")),
                    "includeTemplates": st.just("true"),
                },
            ),
            min_size=1,
            max_size=2,
        ),
        images=st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(("nginx", "example.com/app", "example.com:5000/app"))},
                optional={
                    "newName": st.just("mirror/x"),
                    "newTag": st.just("'9'"),
                    "digest": st.just("sha256:beef"),
                },
            ),
            min_size=1,
            max_size=2,
        ),
    )
    workloads = sorted(name for kind, name in tree.known if kind in ("Deployment", "StatefulSet"))
    if workloads and draw(st.booleans()):
        fields["replicas"] = [{"name": draw(st.sampled_from(workloads)), "count": "3"}]
    tree.features.update(fields)
    return fields


def _overlay_fields(draw: Draw, tree: Tree, known: list[dict[str, Any]]) -> dict[str, Any]:
    """What is only tried in the overlay; each in one of several trees."""
    fields: dict[str, Any] = {}
    for name, make in (
        ("patchesStrategicMerge", strategic_entries),
        ("patchesJson6902", json_entries),
        ("replacements", replacements),
        ("vars", _variables),
        ("configurations", _configurations),
    ):
        if not draw(st.integers(0, 3)):
            fields[name] = make(draw, tree, known)
    return fields


def _variables(draw: Draw, tree: Tree, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    holder = draw(st.sampled_from(known))
    paths = [
        "metadata.name",
        "metadata.labels.app",
        "spec.replicas",
        "spec.ports[0].port",
        "spec.serviceName",
    ]
    tree.features.add("vars")
    return [
        {
            "name": "V",
            "objref": {
                "apiVersion": holder["apiVersion"],
                "kind": holder["kind"],
                "name": holder["metadata"]["name"],
            },
            "fieldref": {"fieldpath": draw(st.sampled_from(paths))},
        }
    ]


def _configurations(draw: Draw, tree: Tree, _known: list[dict[str, Any]]) -> list[str]:
    widget = {"kind": "Widget", "group": "example.com"}
    tree.files["overlay/fields.yaml"] = yaml_text(
        {
            "nameReference": [{"kind": "ConfigMap", "fieldSpecs": [{"path": "spec/p", **widget}]}],
            "varReference": [{"path": "spec/q", **widget}, {"path": "data", "kind": "ConfigMap"}],
            "commonLabels": [{"path": "spec/items", "create": "true", **widget}],
            "replicas": [{"path": "spec/replicas", "create": "true", **widget}],
        }
    )
    tree.features.add("configurations")
    return ["fields.yaml"]


def _second_base(draw: Draw, tree: Tree) -> None:
    """Another base with the same names, told apart by a prefix, and references into both."""
    second = Tree(known=set())
    documents(draw, second, "second/documents.yaml", 3)
    second.files["second/kustomization.yaml"] = yaml_text(
        {
            "resources": ["documents.yaml"],
            **_generators(draw, second, "second"),
            **(_transformers(draw, second) if draw(st.booleans()) else {}),
            "namePrefix": "second-",
        }
    )
    tree.files |= second.files
    tree.features |= second.features | {"two bases"}


@st.composite
def trees(draw: Draw) -> Tree:
    """A base, an overlay, sometimes a component."""
    tree = Tree()
    known = documents(draw, tree, "base/documents.yaml", 4)
    tree.files["base/kustomization.yaml"] = yaml_text(
        {
            "resources": ["documents.yaml"],
            **_generators(draw, tree, "base"),
            **(_transformers(draw, tree) if draw(st.booleans()) else {}),
        }
    )
    resources = draw(st.sampled_from(("resources", "resources", "bases")))
    overlay: dict[str, Any] = {resources: ["../base"]}
    if draw(st.integers(0, 3)) == 3:
        _second_base(draw, tree)
        overlay[resources] += ["../second"]
    overlay |= _generators(draw, tree, "overlay")
    if draw(st.booleans()):
        component = {
            "apiVersion": "kustomize.config.k8s.io/v1alpha1",
            "kind": "Component",
            **(_transformers(draw, tree) if draw(st.booleans()) else {}),
            **_generators(draw, tree, "component"),
        }
        if draw(st.booleans()):
            documents(draw, tree, "component/more.yaml", 1)
            component["resources"] = ["more.yaml"]
        if len(component) == 2:
            component["nameSuffix"] = "-c"
        tree.files["component/kustomization.yaml"] = yaml_text(component)
        overlay["components"] = ["../component"]
        tree.features.add("component")
    overlay |= {"patches": patch_entries(draw, tree, known)}
    overlay |= _overlay_fields(draw, tree, known)
    overlay |= _transformers(draw, tree) if draw(st.booleans()) else {}
    tree.files["overlay/kustomization.yaml"] = yaml_text(overlay)
    return tree
