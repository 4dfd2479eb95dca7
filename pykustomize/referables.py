"""Which fields of which types refer to documents of other types by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pykustomize.fieldspecs import FieldSpec

_ADMISSION = "admissionregistration.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_WORKLOADS = ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job")
_RUNNERS = ("StatefulSet", "Deployment", "ReplicationController", "Job", "DaemonSet")


@dataclass(frozen=True)
class Referable:
    """A type that others refer to by name, and the fields that do."""

    kind: str
    group: str
    version: str
    fields: tuple[FieldSpec, ...]


def _fields(kinds: str, *paths: str, group: str = "") -> Iterator[FieldSpec]:
    for path in paths:
        for kind in kinds.split():
            yield FieldSpec(path, kind, group)


def _in_pods(*paths: str) -> Iterator[FieldSpec]:
    """Fields of a pod's ``spec``, in pods, pod templates and workloads."""
    for path in paths:
        yield FieldSpec(f"spec/{path}", "Pod", version="v1")
        yield FieldSpec(f"template/spec/{path}", "PodTemplate")
        yield from (FieldSpec(f"spec/template/spec/{path}", kind) for kind in _WORKLOADS)
        yield FieldSpec(f"spec/jobTemplate/spec/template/spec/{path}", "CronJob")


def _in_runners(path: str) -> Iterator[FieldSpec]:
    """Fields of a pod's ``spec`` where kustomize forgets pod templates and replica sets."""
    yield FieldSpec(f"spec/{path}", "Pod")
    yield from (FieldSpec(f"spec/template/spec/{path}", kind) for kind in _RUNNERS)
    yield FieldSpec(f"spec/jobTemplate/spec/template/spec/{path}", "CronJob")


def _in_environments(kind: str) -> tuple[str, ...]:
    places = ("containers", "initContainers")
    return tuple(
        f"{place}/{name}"
        for name in (f"env/valueFrom/{kind}KeyRef/name", f"envFrom/{kind}Ref/name")
        for place in places
    )


_CONFIG_MAP = (
    *_in_pods(
        "volumes/configMap/name", *_in_environments("configMap"), "volumes/projected/sources/configMap/name"
    ),
    *_fields("Node", "spec/configSource/configMap"),
    *_fields("Role ClusterRole", "rules/resourceNames"),
    *_fields("Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap"),
)
_SECRET = (
    *_in_pods(
        "volumes/secret/secretName",
        *_in_environments("secret"),
        "imagePullSecrets/name",
        "volumes/projected/sources/secret/name",
    ),
    *_fields(
        "Ingress",
        "spec/tls/secretName",
        "metadata/annotations/ingress.kubernetes.io\\/auth-secret",
        "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret",
        "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret",
    ),
    *_fields("ServiceAccount", "imagePullSecrets/name"),
    *_fields(
        "StorageClass",
        *(f"parameters/{n}" for n in ("secretName", "adminSecretName", "userSecretName", "secretRef")),
    ),
    *_fields("Role ClusterRole", "rules/resourceNames"),
    FieldSpec(
        "spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
        "Service",
        "serving.knative.dev",
        "v1",
    ),
    *_fields("PersistentVolume", "spec/azureFile/secretName"),
)
_SERVICE = (
    *_fields("StatefulSet", "spec/serviceName", group="apps"),
    *_fields(
        "Ingress",
        "spec/rules/http/paths/backend/serviceName",
        "spec/backend/serviceName",
        "spec/rules/http/paths/backend/service/name",
        "spec/defaultBackend/service/name",
    ),
    *_fields("APIService", "spec/service/name", group="apiregistration.k8s.io"),
    *_fields(
        "ValidatingWebhookConfiguration MutatingWebhookConfiguration",
        "webhooks/clientConfig/service",
        group=_ADMISSION,
    ),
)

REFERABLES = (
    Referable("ServiceAccount", "", "v1", (
        *_fields("RoleBinding ClusterRoleBinding", "subjects", group=_RBAC), *_in_runners("serviceAccountName"),
    )),
    Referable("StorageClass", "storage.k8s.io", "v1", (
        *_fields("PersistentVolume PersistentVolumeClaim", "spec/storageClassName"),
        *_fields("StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
    )),
    Referable("Role", _RBAC, "", tuple(_fields("RoleBinding", "roleRef/name", group=_RBAC))),
    Referable("ClusterRole", _RBAC, "", tuple(_fields("RoleBinding ClusterRoleBinding", "roleRef/name", group=_RBAC))),
    Referable("ConfigMap", "", "v1", _CONFIG_MAP),
    Referable("Secret", "", "v1", _SECRET),
    Referable("Service", "", "v1", _SERVICE),
    Referable("PriorityClass", "scheduling.k8s.io", "v1", tuple(_in_runners("priorityClassName"))),
    Referable("PersistentVolume", "", "v1", (
        *_fields("PersistentVolumeClaim", "spec/volumeName"), *_fields("ClusterRole", "rules/resourceNames"),
    )),
    Referable("PersistentVolumeClaim", "", "v1", tuple(_in_runners("volumes/persistentVolumeClaim/claimName"))),
    *(
        Referable(kind, "", "", tuple(_fields("HorizontalPodAutoscaler", "spec/scaleTargetRef/name")))
        for kind in ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
    ),
    Referable("ValidatingAdmissionPolicy", _ADMISSION, "", tuple(
        _fields("ValidatingAdmissionPolicyBinding", "spec/policyName", group=_ADMISSION)
    )),
)  # fmt: skip
"""In the order in which kustomize follows them."""
