"""Reading kustomization files: what they may say, and what is refused by name."""

from __future__ import annotations

from pykustomize.errors import KustomizeError
from pykustomize.fields import Fields
from pykustomize.files import Root
from pykustomize.identities import ResId, split_api_version
from pykustomize.kustomization import (
    Generator,
    GeneratorOptions,
    Image,
    Kustomization,
    Label,
    Patch,
    Replicas,
    SortOptions,
)
from pykustomize.reader import decode, read_documents
from pykustomize.replacements import Replacement, Source, Target
from pykustomize.selectors import Selector
from pykustomize.tables import field_spec, load_tables
from pykustomize.variables import Variable

_VERSIONS = {
    "Kustomization": "kustomize.config.k8s.io/v1beta1",
    "Component": "kustomize.config.k8s.io/v1alpha1",
}

_UNSUPPORTED = (
    *("helmGlobals", "helmCharts", "helmChartInflationGenerator", "generators", "transformers", "validators"),
    *("crds", "openapi", "buildMetadata"),
)


def load(root: Root) -> Kustomization:
    """Read the kustomization file of a directory.

    :raises KustomizeError: what it says is wrong or not supported, with file and field.
    """
    path = root.kustomization()
    where = str(path)
    documents = read_documents(decode(path.read_bytes(), where), where, legacy=True)
    if len(documents) != 1:
        raise KustomizeError(where, "is empty" if not documents else "has more than one document")
    fields = Fields(documents[0], where)
    kind = fields.string("kind") or "Kustomization"
    if kind not in _VERSIONS:
        raise fields.error("kind", f"'{kind}' is neither Kustomization nor Component")
    version = fields.string("apiVersion") or _VERSIONS[kind]
    if version != _VERSIONS[kind]:
        raise fields.error("apiVersion", f"'{version}' must be {_VERSIONS[kind]}")
    fields.record("metadata", _metadata)
    if not fields.rest:
        raise KustomizeError(where, "is empty")
    for name in _UNSUPPORTED:
        fields.drop_empty(name)
    result = _kustomization(fields, root, is_component=kind == "Component")
    fields.finish()
    return result


def _kustomization(fields: Fields, root: Root, *, is_component: bool) -> Kustomization:
    common = fields.record("generatorOptions", _options) or GeneratorOptions()
    common_labels = fields.mapping("commonLabels")
    return Kustomization(
        where=fields.where,
        is_component=is_component,
        resources=[*fields.strings("resources"), *fields.strings("bases")],
        components=fields.strings("components"),
        strategic_merges=fields.strings("patchesStrategicMerge"),
        patches=fields.records("patches", _patch),
        json_patches=fields.records("patchesJson6902", _json_patch),
        generators=[
            *fields.records("configMapGenerator", lambda entry: _generator(entry, "ConfigMap", common)),
            *fields.records("secretGenerator", lambda entry: _generator(entry, "Secret", common)),
        ],
        namespace=fields.string("namespace"),
        name_prefix=fields.string("namePrefix"),
        name_suffix=fields.string("nameSuffix"),
        labels=[
            *fields.records("labels", _label),
            *([Label(common_labels, include_selectors=True, is_common=True)] if common_labels else []),
        ],
        annotations=fields.mapping("commonAnnotations"),
        replicas=fields.records("replicas", _replicas),
        images=[*fields.records("images", _image), *fields.records("imageTags", _image)],
        replacements=[
            replacement
            for entry in fields.records("replacements", lambda entry: _replacement_or_file(entry, root))
            for replacement in entry
        ],
        sort_options=fields.record("sortOptions", _sort_options),
        tables=load_tables(root, fields.strings("configurations")),
        variables=fields.records("vars", _variable),
    )


def _metadata(fields: Fields) -> None:
    """Means nothing, but must be well-formed."""
    for name in ("name", "namespace"):
        fields.string(name)
    for name in ("labels", "annotations"):
        fields.mapping(name)


def _patch(fields: Fields) -> Patch:
    text, path = fields.string("patch"), fields.string("path")
    if bool(text.strip()) == bool(path):
        raise fields.error("", "needs either 'patch' or 'path'")
    options = fields.record(
        "options", lambda entry: (entry.flag("allowNameChange"), entry.flag("allowKindChange"))
    )
    name_change, kind_change = options or (False, False)
    return Patch(text, path, fields.record("target", _selector), name_change, kind_change)


def _json_patch(fields: Fields) -> Patch:
    patch = _patch(fields)
    if patch.target is None or not patch.target.name:
        raise fields.error("target", "needs the name of what the patch is for")
    return Patch(patch.text, patch.path, patch.target)


def _selector(fields: Fields) -> Selector:
    names = ("group", "version", "kind", "name", "namespace")
    values = {name: fields.string(name) for name in names}
    return Selector(
        where=f"{fields.where}: {fields.path}",
        labels=fields.string("labelSelector"),
        annotations=fields.string("annotationSelector"),
        **values,
    )


def _options(fields: Fields) -> GeneratorOptions:
    return GeneratorOptions(
        fields.mapping("labels"),
        fields.mapping("annotations"),
        fields.flag("disableNameSuffixHash"),
        fields.flag("immutable"),
    )


def _generator(fields: Fields, kind: str, common: GeneratorOptions) -> Generator:
    name, behavior = fields.string("name"), fields.string("behavior") or "create"
    if not name:
        raise fields.error("name", "is missing")
    if behavior not in ("create", "replace", "merge"):
        raise fields.error("behavior", f"'{behavior}' is not create, replace or merge")
    env = fields.string("env")
    return Generator(
        kind=kind,
        name=name,
        namespace=fields.string("namespace"),
        behavior=behavior,
        literals=fields.strings("literals"),
        files=fields.strings("files"),
        envs=[*fields.strings("envs"), *([env] if env else [])],
        type=(fields.string("type") or "Opaque") if kind == "Secret" else "",
        options=(fields.record("options", _options) or GeneratorOptions()).over(common),
    )


def _label(fields: Fields) -> Label:
    return Label(
        fields.mapping("pairs"),
        fields.flag("includeSelectors"),
        fields.flag("includeTemplates"),
        fields.records("fields", field_spec),
    )


def _replicas(fields: Fields) -> Replicas:
    return Replicas(fields.string("name"), fields.integer("count"))


def _image(fields: Fields) -> Image:
    name = fields.string("name")
    if not name:
        raise fields.error("name", "is missing")
    return Image(
        name,
        fields.string("newName"),
        fields.string("newTag"),
        fields.string("digest"),
        fields.string("tagSuffix"),
    )


def _sort_options(fields: Fields) -> SortOptions:
    order = fields.string("order")
    kinds = fields.record(
        "legacySortOptions", lambda entry: (entry.strings("orderFirst"), entry.strings("orderLast"))
    )
    first, last = kinds or (None, None)
    return SortOptions(order, first, last)


def _variable(fields: Fields) -> Variable:
    name, target = fields.string("name"), fields.record("objref", _object)
    if not name or target is None:
        raise fields.error("", "needs 'name' and 'objref'")
    path = fields.record("fieldref", lambda entry: entry.string("fieldPath")) or "metadata.name"
    return Variable(name, target, path, f"{fields.where}: {fields.path}")


def _object(fields: Fields) -> ResId:
    group, version = fields.string("group"), fields.string("version")
    api_version = fields.string("apiVersion")
    if api_version:
        other, version = split_api_version(api_version)
        group = other or group
    return ResId(group, version, fields.string("kind"), fields.string("name"), fields.string("namespace"))


def _replacement_or_file(fields: Fields, root: Root) -> list[Replacement]:
    path = fields.string("path")
    if not path:
        return [_replacement(fields)]
    if fields.rest:
        raise fields.error("path", "is for all or nothing: the replacement is here or in the file")
    where = str(root.path / path)
    documents = read_documents(decode(root.read(path), where), where, legacy=True)
    if len(documents) != 1:
        raise KustomizeError(where, "must have one document")
    entries = documents[0] if isinstance(documents[0], list) else [documents[0]]
    replacements = []
    for number, entry in enumerate(entries):
        inner = Fields(entry, where, f"[{number}]")
        replacements.append(_replacement(inner))
        inner.finish()
    return replacements


def _replacement(fields: Fields) -> Replacement:
    source, value = fields.record("source", _source), fields.optional_string("sourceValue")
    if (source is None) == (value is None):
        raise fields.error("", "needs either 'source' or 'sourceValue'")
    targets = fields.records("targets", _target)
    if not targets:
        raise fields.error("targets", "is missing")
    return Replacement(f"{fields.where}: {fields.path}", source, value, targets)


def _source(fields: Fields) -> Source:
    names = ("group", "version", "kind", "name", "namespace")
    values = {name: fields.string(name) for name in names}
    path = fields.string("fieldPath") or "metadata.name"
    delimiter, index, _ = fields.record("options", _field_options) or ("", 0, False)
    return Source(path=path, delimiter=delimiter, index=index, **values)


def _target(fields: Fields) -> Target:
    select = fields.record("select", _selector)
    if select is None:
        raise fields.error("select", "is missing")
    delimiter, index, create = fields.record("options", _field_options) or ("", 0, False)
    return Target(
        select=select,
        reject=fields.records("reject", _selector),
        paths=fields.strings("fieldPaths") or ["metadata.name"],
        delimiter=delimiter,
        index=index,
        create=create,
    )


def _field_options(fields: Fields) -> tuple[str, int, bool]:
    fields.string("encoding")  # kustomize does nothing with it yet
    return fields.string("delimiter"), fields.integer("index"), fields.flag("create")
