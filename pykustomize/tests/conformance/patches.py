"""Random patches of random documents."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from pykustomize.tests.conformance.documents import Draw, Tree, anything, document
from pykustomize.tests.conformance.yaml_text import block, yaml_text

WHOLE = ("/metadata", "/metadata/labels", "/metadata/annotations")
"""Places that no other value fits."""


def _strategic(draw: Draw, target: dict[str, Any], tree: Tree) -> dict[str, Any]:
    """A patch made from another random document of the kind, with nulls and directives strewn in."""
    patch: dict[str, Any] = copy.deepcopy(draw(document(target["kind"])))
    patch["metadata"]["name"] = target["metadata"]["name"]
    for _ in range(draw(st.integers(0, 3))):
        _disturb(draw, patch, tree)
    return patch


FIXED = ("apiVersion", "kind", "name", "mountPath", "ip", "containerPort", "port", "$patch")


def _disturb(draw: Draw, patch: dict[str, Any], tree: Tree) -> None:
    node: Any = patch
    while True:
        steps = list(node) if isinstance(node, dict) else list(range(len(node)))
        steps = [step for step in steps if step not in FIXED]
        if not steps:
            return
        step = draw(st.sampled_from(steps))
        inner = node[step]
        if isinstance(inner, dict | list) and inner and (node is patch or draw(st.booleans())):
            node = inner
            continue
        if isinstance(node, dict) and step != "metadata":
            change = draw(st.sampled_from(("null", "delete", "replace", "merge")))
            if change == "null":
                node[step] = "null"
                tree.features.add("null in a patch")
            elif node is not patch or change == "merge":
                node["$patch"] = change
                tree.features.add(f"$patch: {change}")
        return


def _pointers(node: Any, path: str = "") -> list[str]:
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = []
    for step, inner in steps:
        below = f"{path}/{str(step).replace('~', '~0').replace('/', '~1')}"
        found += [below, *_pointers(inner, below)]
    return [
        pointer for pointer in found if not pointer.startswith(("/apiVersion", "/kind", "/metadata/name"))
    ]


def _json_patch(draw: Draw, target: dict[str, Any]) -> list[dict[str, Any]]:
    body = {key: value for key, value in target.items() if key not in ("apiVersion", "kind")}
    pointers = [pointer for pointer in _pointers(body) if pointer not in WHOLE] or ["/metadata/labels/new"]
    operations = []
    for _ in range(draw(st.integers(1, 2))):
        pointer = draw(st.sampled_from(pointers))
        operation = draw(st.sampled_from(("add", "replace", "remove", "test", "copy", "append")))
        if operation == "append":
            operations.append(
                {"op": "add", "path": f"{pointer.rpartition('/')[0]}/-", "value": draw(anything)}
            )
        elif operation == "test":
            operations.append({"op": "test", "path": "/kind", "value": target["kind"]})
        elif operation == "remove":
            operations.append({"op": "remove", "path": pointer})
        elif operation == "copy":
            operations.append({"op": "copy", "from": pointer, "path": "/copied"})
        else:
            operations.append({"op": operation, "path": pointer, "value": draw(anything)})
    return operations


def patch_entries(draw: Draw, tree: Tree, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    entries = []
    for _ in range(draw(st.integers(0, 3))):
        target = draw(st.sampled_from(known))
        name, kind = target["metadata"]["name"], target["kind"]
        style = draw(st.sampled_from(("json", "named", "targeted", "file")))
        selectors: list[dict[str, str]] = [
            {"kind": kind, "name": name},
            {"kind": kind, "name": f"{name[:2]}.*|zzz"},
        ]
        if style == "targeted":
            selectors += [{"kind": f"{kind[:3]}.*"}, {"version": "v[0-9]", "kind": kind}]
            if "app" in target["metadata"].get("labels", {}):
                selectors += [{"labelSelector": "app", "kind": kind}]
        selector = draw(st.sampled_from(selectors))
        if style == "json":
            entries.append({"target": selector, "patch": block(yaml_text(_json_patch(draw, target)))})
            tree.features.add("JSON patch")
        elif style == "named":
            entries.append({"patch": block(yaml_text(_strategic(draw, target, tree)))})
            tree.features.add("strategic patch")
        elif style == "targeted":
            entries.append({"target": selector, "patch": block(yaml_text(_strategic(draw, target, tree)))})
            tree.features.add("strategic patch with target")
        else:
            path = f"patch{len(tree.files)}.yaml"
            tree.files[f"overlay/{path}"] = "---\n".join(
                yaml_text(_strategic(draw, draw(st.sampled_from(known)), tree)) for _ in range(2)
            )
            entries.append({"path": path})
            tree.features.add("patch file with several documents")
    return entries


def strategic_entries(draw: Draw, tree: Tree, known: list[dict[str, Any]]) -> list[str]:
    """Entries of ``patchesStrategicMerge``."""
    entries = []
    for _ in range(draw(st.integers(1, 2))):
        text = yaml_text(_strategic(draw, draw(st.sampled_from(known)), tree))
        if draw(st.booleans()):
            path = f"strategic{len(tree.files)}.yaml"
            tree.files[f"overlay/{path}"] = text
            entries.append(path)
        else:
            entries.append(block(text))
    tree.features.add("patchesStrategicMerge")
    return entries


def json_entries(draw: Draw, tree: Tree, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries of ``patchesJson6902``."""
    target = draw(st.sampled_from(known))
    selector = {"kind": target["kind"], "name": target["metadata"]["name"]}
    tree.features.add("patchesJson6902")
    return [{"target": selector, "patch": block(yaml_text(_json_patch(draw, target)))}]


def replacements(draw: Draw, tree: Tree, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries of ``replacements``."""
    source, target = draw(st.sampled_from(known)), draw(st.sampled_from(known))
    options = draw(
        st.sampled_from(({}, {"create": "true"}, {"create": "true"}, {"delimiter": "'-'", "index": "1"}))
    )
    entry = {
        "targets": [
            {
                "select": {
                    "kind": target["kind"],
                    "name": draw(st.sampled_from((".*", target["metadata"]["name"]))),
                },
                "fieldPaths": [draw(st.sampled_from(_field_paths(target)))],
                **({"options": options} if options else {}),
            }
        ]
    }
    if draw(st.integers(0, 3)):
        name = {"kind": source["kind"], "name": source["metadata"]["name"]}
        entry["source"] = {**name, "fieldPath": draw(st.sampled_from(_field_paths(source, is_source=True)))}  # type: ignore[assignment]
    else:
        entry["sourceValue"] = draw(st.sampled_from(("text", "'5'", "'true'", "''")))
    tree.features.add("replacements")
    return [entry]


def _field_paths(document: dict[str, Any], *, is_source: bool = False) -> list[str]:
    """Paths of a document's fields in the form that replacements have; of elements some by number, some by name."""
    found = ["metadata.name", "metadata.labels.new", "metadata.annotations.[a.b/c]", "spec.made.here"]
    found = found[:1] if is_source else found * 2
    for pointer in _pointers(document):
        if "~" not in pointer and pointer not in WHOLE:
            found.append(pointer[1:].replace("/", "."))
    return found
