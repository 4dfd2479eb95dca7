"""Kustomization files: what they may say, and the same as typed values."""

from __future__ import annotations

from dataclasses import dataclass, field

from pykustomize.errors import KustomizeError
from pykustomize.fields import Fields
from pykustomize.fieldspecs import FieldSpec
from pykustomize.files import Root
from pykustomize.reader import decode, read_documents
from pykustomize.selectors import Selector

_VERSIONS = {
    "Kustomization": "kustomize.config.k8s.io/v1beta1",
    "Component": "kustomize.config.k8s.io/v1alpha1",
}


@dataclass(frozen=True)
class Patch:
    """An entry of ``patches``.

    :param text: an inline patch; ``path``: a file with one. One of the two is empty.
    :param target: the documents that it is for; ``None``: the patch names them itself.
    """

    text: str
    path: str
    target: Selector | None
    allow_name_change: bool
    allow_kind_change: bool


@dataclass(frozen=True)
class GeneratorOptions:
    """``generatorOptions``, or ``options`` of one generator."""

    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    disable_name_suffix_hash: bool = False
    immutable: bool = False

    def over(self, common: GeneratorOptions) -> GeneratorOptions:
        """These options with the common ones filled in; a ``true`` there cannot be undone here."""
        return GeneratorOptions(
            {**common.labels, **self.labels},
            {**common.annotations, **self.annotations},
            self.disable_name_suffix_hash or common.disable_name_suffix_hash,
            self.immutable or common.immutable,
        )


@dataclass(frozen=True)
class Generator:
    """An entry of ``configMapGenerator`` or ``secretGenerator``."""

    kind: str
    name: str
    namespace: str
    behavior: str
    literals: list[str]
    files: list[str]
    envs: list[str]
    type: str
    options: GeneratorOptions


@dataclass(frozen=True)
class Label:
    """An entry of ``labels``."""

    pairs: dict[str, str]
    include_selectors: bool
    include_templates: bool
    fields: list[FieldSpec]


@dataclass(frozen=True)
class Image:
    """An entry of ``images``."""

    name: str
    new_name: str
    new_tag: str
    digest: str


@dataclass(frozen=True)
class Kustomization:
    """A kustomization file."""

    where: str
    is_component: bool
    resources: list[str]
    components: list[str]
    patches: list[Patch]
    generators: list[Generator]
    namespace: str
    name_prefix: str
    name_suffix: str
    labels: list[Label]
    annotations: dict[str, str]
    images: list[Image]


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
    if not fields.rest:
        raise KustomizeError(where, "is empty")
    common = fields.record("generatorOptions", _options) or GeneratorOptions()
    result = Kustomization(
        where=where,
        is_component=kind == "Component",
        resources=fields.strings("resources"),
        components=fields.strings("components"),
        patches=fields.records("patches", _patch),
        generators=[
            *fields.records("configMapGenerator", lambda entry: _generator(entry, "ConfigMap", common)),
            *fields.records("secretGenerator", lambda entry: _generator(entry, "Secret", common)),
        ],
        namespace=fields.string("namespace"),
        name_prefix=fields.string("namePrefix"),
        name_suffix=fields.string("nameSuffix"),
        labels=fields.records("labels", _label),
        annotations=fields.mapping("commonAnnotations"),
        images=fields.records("images", _image),
    )
    fields.finish()
    return result


def _patch(fields: Fields) -> Patch:
    text, path = fields.string("patch"), fields.string("path")
    if bool(text.strip()) == bool(path):
        raise KustomizeError(fields.where, f"{fields.path}: needs either 'patch' or 'path'")
    options = fields.record(
        "options", lambda entry: (entry.flag("allowNameChange"), entry.flag("allowKindChange"))
    )
    name_change, kind_change = options or (False, False)
    return Patch(text, path, fields.record("target", _selector), name_change, kind_change)


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
    return Generator(
        kind=kind,
        name=name,
        namespace=fields.string("namespace"),
        behavior=behavior,
        literals=fields.strings("literals"),
        files=fields.strings("files"),
        envs=fields.strings("envs"),
        type=(fields.string("type") or "Opaque") if kind == "Secret" else "",
        options=(fields.record("options", _options) or GeneratorOptions()).over(common),
    )


def _label(fields: Fields) -> Label:
    return Label(
        fields.mapping("pairs"),
        fields.flag("includeSelectors"),
        fields.flag("includeTemplates"),
        fields.records("fields", _field_spec),
    )


def _field_spec(fields: Fields) -> FieldSpec:
    path = fields.string("path")
    if not path:
        raise fields.error("path", "is missing")
    kind, group, version = (fields.string(name) for name in ("kind", "group", "version"))
    return FieldSpec(path, kind, group, version, create=fields.flag("create"))


def _image(fields: Fields) -> Image:
    name = fields.string("name")
    if not name:
        raise fields.error("name", "is missing")
    return Image(name, fields.string("newName"), fields.string("newTag"), fields.string("digest"))
