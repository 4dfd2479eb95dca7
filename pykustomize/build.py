"""The build: read a kustomization with everything below it, customise, follow references, sort."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pykustomize.errors import KustomizeError
from pykustomize.files import Root
from pykustomize.generators import absorb, generate, name_hash
from pykustomize.images import set_image
from pykustomize.kustomization import Kustomization
from pykustomize.load import load
from pykustomize.order import sort
from pykustomize.patches import apply_json_patches, apply_patches, apply_strategic_merges
from pykustomize.reader import decode, read_documents
from pykustomize.references import fix_references
from pykustomize.replacements import apply_replacements
from pykustomize.replicas import set_replicas
from pykustomize.resources import Resource, Resources, from_documents
from pykustomize.tables import DEFAULT, Tables
from pykustomize.transform import transform
from pykustomize.variables import Variable, add_variables, note_variables, resolve_variables
from pykustomize.writer import plain

_LOCAL = "config.kubernetes.io/local-config"


@dataclass
class _Accumulated:
    """What the kustomizations up to here have brought together.

    :param tables: where what stands in documents; bases add to them for all above.
    """

    resources: Resources = field(default_factory=Resources)
    tables: Tables = DEFAULT
    variables: list[Variable] = field(default_factory=list)

    def absorb(self, other: _Accumulated, where: object) -> None:
        """Add all of a base."""
        for resource in other.resources:
            self.resources.add(resource)
        self.tables = self.tables.with_more(other.tables, where)
        add_variables(self.variables, other.variables)


def build(directory: Path, *, strict: bool = False, components: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Build a kustomization directory as ``kubectl kustomize`` does.

    :param directory: the directory of a kustomization file.
    :param components: directories relative to it, as if its field ``components`` ended with them.
    :param strict: a patch whose target matches nothing is an error; for kubectl it is not.
    :returns: the documents in kubectl's order, as plain values.
    :raises KustomizeError: it cannot be built, or not as kubectl would.
    """
    if not directory.is_dir():
        raise KustomizeError(directory, "there is no such directory")
    root = Root(directory.resolve())
    kustomization = load(root)
    kustomization = replace(kustomization, components=[*kustomization.components, *components])
    everything = _Accumulated()
    _accumulate(everything, kustomization, root, strict)
    resources = everything.resources
    for resource in resources:
        with _naming(resource):
            _add_hash(resource)
    fix_references(resources, everything.tables.references)
    resolve_variables(resources, everything.variables, everything.tables.variables)
    _check_unique(resources)
    kept = resources.having(lambda known: known.annotations().get(_LOCAL, "false") == "false")
    return [_finish(resource) for resource in sort(kept, kustomization)]


def _accumulate(into: _Accumulated, kustomization: Kustomization, root: Root, strict: bool) -> None:
    """Add the documents of a kustomization and customise all that are there then."""
    for name in kustomization.resources:
        into.absorb(_resources_of(name, root, strict), kustomization.where)
    into.tables = into.tables.with_more(kustomization.tables, kustomization.where)
    for generator in kustomization.generators:
        absorb(into.resources, generate(generator, root, kustomization.where))
    for name in kustomization.components:
        below = root.enter(name)
        component = load(below)
        if not component.is_component:
            raise KustomizeError(
                component.where, "kind: must be Component, since it is listed under 'components'"
            )
        _accumulate(into, component, below, strict)
        _check_unique(into.resources)
    _customise(into.resources, kustomization, root, into.tables, strict)
    note_variables(into.resources, into.variables, kustomization.variables)


def _customise(
    resources: Resources, kustomization: Kustomization, root: Root, tables: Tables, strict: bool
) -> None:
    """What a kustomization does to its documents, in kustomize's order."""
    apply_strategic_merges(resources, kustomization, root)
    apply_patches(resources, kustomization, root, strict=strict)
    transform(resources, kustomization, tables)
    apply_json_patches(resources, kustomization, root, strict=strict)
    for replicas in kustomization.replicas:
        set_replicas(resources, replicas, tables.replicas, kustomization.where)
    for image in kustomization.images:
        set_image(resources, image, tables.images, kustomization.where)
    apply_replacements(resources, kustomization.replacements)


def _resources_of(name: str, root: Root, strict: bool) -> _Accumulated:
    result = _Accumulated()
    if root.is_directory(name):
        below = root.enter(name)
        kustomization = load(below)
        if kustomization.is_component:
            raise KustomizeError(kustomization.where, "kind: a Component must be listed under 'components'")
        _accumulate(result, kustomization, below, strict)
        return result
    origin = str(root.path / name)
    for resource in from_documents(read_documents(decode(root.read(name), origin), origin), origin):
        result.resources.add(resource)
    return result


def _add_hash(resource: Resource) -> None:
    if resource.needs_hash:
        resource.remember_id()
        resource.set_name(f"{resource.name}-{name_hash(resource)}")


def _check_unique(resources: Resources) -> None:
    known = Resources()
    for resource in resources:
        known.add(resource)


def _finish(resource: Resource) -> dict[str, Any]:
    """The document as plain values. Annotations end as strings, as kustomize rewrites them all."""
    resource.set_strings("annotations", resource.annotations())
    with _naming(resource):
        result: dict[str, Any] = plain(resource.body or {})
    return result


@contextmanager
def _naming(resource: Resource) -> Iterator[None]:
    """Say which document has a value that cannot be written."""
    try:
        yield
    except ValueError as error:
        raise KustomizeError(resource.origin, f"{resource.current_id}: {error}") from error
