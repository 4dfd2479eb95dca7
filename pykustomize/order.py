"""The order in which documents are printed: ``sortOptions``, by default kustomize's ``legacy`` order."""

from __future__ import annotations

from pykustomize.errors import KustomizeError
from pykustomize.identities import ResId
from pykustomize.kustomization import Kustomization, SortOptions
from pykustomize.resources import Resource

_FIRST = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
]
_LAST = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]


def sort(resources: list[Resource], kustomization: Kustomization) -> list[Resource]:
    """The documents in the order that the kustomization asks for.

    :raises KustomizeError: there is no such order, or it has no options.
    """
    options = kustomization.sort_options or SortOptions("legacy", None, None)
    if options.order not in ("fifo", "legacy"):
        raise KustomizeError(kustomization.where, "sortOptions.order: must be fifo or legacy")
    if options.order == "fifo":
        if options.first is not None:
            raise KustomizeError(
                kustomization.where, "sortOptions.legacySortOptions: is for the order legacy"
            )
        return resources
    first = _FIRST if options.first is None else options.first
    last = _LAST if options.last is None else options.last
    ranks = {kind: rank - len(first) for rank, kind in enumerate(first)}
    ranks |= {kind: rank for rank, kind in enumerate(last, start=1)}

    def place(resource: Resource) -> tuple[int, str, str]:
        identity = resource.current_id
        return ranks.get(identity.kind, 0), _type_text(identity), _sort_text(identity)

    return sorted(resources, key=place)


def _type_text(identity: ResId) -> str:
    return f"{identity.group or '~G'}_{identity.version or '~V'}_{identity.kind or '~K'}"


def _sort_text(identity: ResId) -> str:
    return f"{identity.namespace or '~X'}|{identity.name or '~N'}"
