"""What a document is: group, version, kind, name and namespace."""

from __future__ import annotations

from dataclasses import dataclass

from pykustomize.schema import CLUSTER_SCOPED

DEFAULT_NAMESPACE = "default"
NO_NAMESPACE = "_non_namespaceable_"


@dataclass(frozen=True, slots=True)
class ResId:
    """Group, version, kind, name and namespace of a document."""

    group: str
    version: str
    kind: str
    name: str
    namespace: str

    @property
    def api_version(self) -> str:
        """``group/version``, or the version alone."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def is_cluster_scoped(self) -> bool:
        """Whether the type is known to have no namespace."""
        return f"{self.api_version}/{self.kind}" in CLUSTER_SCOPED

    @property
    def effective_namespace(self) -> str:
        """The namespace for comparisons; never empty."""
        return NO_NAMESPACE if self.is_cluster_scoped else self.namespace or DEFAULT_NAMESPACE

    def same(self, other: ResId) -> bool:
        """Whether both name the same object."""
        return (self.group, self.version, self.kind, self.name, self.effective_namespace) == (
            other.group,
            other.version,
            other.kind,
            other.name,
            other.effective_namespace,
        )

    def is_a(self, group: str, version: str, kind: str) -> bool:
        """Whether the type fits; an empty argument fits everything."""
        return group in ("", self.group) and version in ("", self.version) and kind in ("", self.kind)

    def in_namespace(self, namespace: str) -> ResId:
        """The same in another namespace."""
        return ResId(self.group, self.version, self.kind, self.name, namespace)

    def __str__(self) -> str:
        """For messages: ``Kind name`` with version and namespace where there is one."""
        namespace = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.kind} {self.name} ({self.api_version or 'no apiVersion'}){namespace}"


def split_api_version(api_version: str) -> tuple[str, str]:
    """Group and version."""
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", api_version)
