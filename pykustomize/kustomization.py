"""What a kustomization file says, as typed values. ``load.py`` reads them."""

from __future__ import annotations

from dataclasses import dataclass, field

from pykustomize.fieldspecs import FieldSpec
from pykustomize.replacements import Replacement
from pykustomize.selectors import Selector
from pykustomize.tables import Tables
from pykustomize.variables import Variable


@dataclass(frozen=True)
class Patch:
    """An entry of ``patches`` or ``patchesJson6902``.

    :param text: an inline patch; ``path``: a file with one. One of the two is empty.
    :param target: the documents that it is for; ``None``: the patch names them itself.
    """

    text: str
    path: str
    target: Selector | None
    allow_name_change: bool = False
    allow_kind_change: bool = False


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
    """An entry of ``labels``.

    :param is_common: it is ``commonLabels``.
    """

    pairs: dict[str, str]
    include_selectors: bool
    include_templates: bool = False
    fields: list[FieldSpec] = field(default_factory=list)
    is_common: bool = False


@dataclass(frozen=True)
class Image:
    """An entry of ``images``."""

    name: str
    new_name: str
    new_tag: str
    digest: str
    tag_suffix: str


@dataclass(frozen=True)
class Replicas:
    """An entry of ``replicas``."""

    name: str
    count: int


@dataclass(frozen=True)
class SortOptions:
    """``sortOptions``, which count in the kustomization that is built, not in those below it.

    :param order: ``fifo`` or ``legacy``.
    :param first: kinds that come first in the legacy order, and ``last``; ``None``: kustomize's own.
    """

    order: str
    first: list[str] | None
    last: list[str] | None


@dataclass(frozen=True)
class Kustomization:
    """A kustomization file.

    :param strategic_merges: ``patchesStrategicMerge``: each a patch or the path of one.
    """

    where: str
    is_component: bool
    resources: list[str]
    components: list[str]
    strategic_merges: list[str]
    patches: list[Patch]
    json_patches: list[Patch]
    generators: list[Generator]
    namespace: str
    name_prefix: str
    name_suffix: str
    labels: list[Label]
    annotations: dict[str, str]
    replicas: list[Replicas]
    images: list[Image]
    replacements: list[Replacement]
    sort_options: SortOptions | None
    tables: Tables
    variables: list[Variable]
