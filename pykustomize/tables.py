"""The tables of fields that a build works with: kustomize's own, and what ``configurations`` add to them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from pykustomize import defaults
from pykustomize.errors import KustomizeError
from pykustomize.fields import Fields
from pykustomize.fieldspecs import FieldSpec
from pykustomize.files import Root
from pykustomize.reader import decode, read_documents
from pykustomize.referables import REFERABLES, Referable

Specs = tuple[FieldSpec, ...]


@dataclass(frozen=True)
class Tables:
    """Where things stand in documents; each name is that in files of ``configurations``, where it differs in brackets.

    :param selector_labels: labels that selectors have, too (``commonLabels``).
    :param references: which fields refer to which types (``nameReference``).
    :param variables: where ``$(NAME)`` is replaced (``varReference``).
    """

    selector_labels: Specs = ()
    template_labels: Specs = ()
    labels: Specs = ()
    annotations: Specs = ()
    namespaces: Specs = ()
    images: Specs = ()
    replicas: Specs = ()
    variables: Specs = ()
    references: tuple[Referable, ...] = ()

    def with_more(self, other: Tables, where: object) -> Tables:
        """Both together.

        :raises KustomizeError: they do not agree on whether a field may be made.
        """
        if other is self:
            return self
        merged = {
            one.name: merge_specs(getattr(self, one.name), getattr(other, one.name), where)
            for one in fields(self)
            if one.name != "references"
        }
        return Tables(**merged, references=_merge_references(self.references, other.references, where))


DEFAULT = Tables(
    selector_labels=defaults.SELECTOR_LABELS,
    template_labels=defaults.TEMPLATE_LABELS,
    annotations=defaults.ANNOTATIONS,
    namespaces=defaults.NAMESPACES,
    images=defaults.IMAGES,
    replicas=defaults.REPLICAS,
    variables=defaults.VARIABLES,
    references=REFERABLES,
)
"""kustomize's own."""


def merge_specs(ours: Specs, more: Specs, where: object) -> Specs:
    """A table with more entries; those that it has already are left out.

    :raises KustomizeError: one that it has already, with another answer to whether the field may be made.
    """
    result = list(ours)
    for spec in more:
        known = next((one for one in result if one.covers(spec)), None)
        if known is None:
            result.append(spec)
        elif known.create != spec.create:
            raise KustomizeError(
                where, f"create: there is another entry for '{spec.path}', which says otherwise"
            )
    return tuple(result)


def _merge_references(
    ours: tuple[Referable, ...], more: tuple[Referable, ...], where: object
) -> tuple[Referable, ...]:
    result = list(ours)
    for other in more:
        for place, known in enumerate(result):
            if (known.group, known.version, known.kind) == (other.group, other.version, other.kind):
                specs = merge_specs(known.fields, other.fields, where)
                result[place] = Referable(known.kind, known.group, known.version, specs)
                break
        else:
            result.append(other)
    return tuple(result)


def load_tables(root: Root, names: list[str]) -> Tables:
    """kustomize's own tables and those in the files that are named.

    :raises KustomizeError: a file is missing, or has what is not supported.
    """
    result = DEFAULT
    for name in names:
        where = str(root.path / name)
        for document in read_documents(decode(root.read(name), where), where, legacy=True)[:1]:
            entries = Fields(document, where)
            result = result.with_more(_tables(entries), where)
            entries.finish()
    return result


def _tables(entries: Fields) -> Tables:
    def specs(name: str) -> Specs:
        return tuple(entries.records(name, field_spec))

    for name in ("namePrefix", "nameSuffix"):
        if any(spec != FieldSpec("metadata/name") for spec in specs(name)):
            raise entries.error(name, "other fields than metadata/name are not supported")
    namespaces = specs("namespace")
    for spec in namespaces:
        if spec not in defaults.NAMESPACES and spec.path.startswith(("metadata/", "subjects")):
            raise entries.error("namespace", f"'{spec.path}' is not supported")
    return Tables(
        selector_labels=specs("commonLabels"),
        template_labels=specs("templateLabels"),
        labels=specs("labels"),
        annotations=specs("commonAnnotations"),
        namespaces=namespaces,
        images=specs("images"),
        replicas=specs("replicas"),
        variables=specs("varReference"),
        references=tuple(entries.records("nameReference", _referable)),
    )


def _referable(entry: Fields) -> Referable:
    kind, group, version = (entry.string(name) for name in ("kind", "group", "version"))
    return Referable(kind, group, version, tuple(entry.records("fieldSpecs", field_spec)))


def field_spec(entry: Fields) -> FieldSpec:
    """One entry of such a table.

    :raises KustomizeError: it has no path.
    """
    path = entry.string("path")
    if not path:
        raise entry.error("path", "is missing")
    kind, group, version = (entry.string(name) for name in ("kind", "group", "version"))
    return FieldSpec(path, kind, group, version, create=entry.flag("create"))
