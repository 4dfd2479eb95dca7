"""Which lists of which Kubernetes types are merged by key, and which types have no namespace.

The facts are those of the OpenAPI document that kubectl carries (Kubernetes 1.21.2), whatever the cluster's version:
types that it does not know (``autoscaling/v2``, custom resources) have their lists replaced.
``tests/conformance/test_schema.py`` compares this table with kubectl's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pykustomize.nodes import Node, text_of


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known about a field.

    :param fields: the fields below it that matter, directly or further down.
    :param keys: for a list that is merged: the fields that identify an element; ``()`` for a list of scalars.
        ``None``: the list is replaced, or it is no list.
    """

    fields: Mapping[str, Shape] = field(default_factory=dict)
    keys: tuple[str, ...] | None = None

    def field(self, name: str) -> Shape:
        """The shape of a field, empty if nothing about it matters."""
        return self.fields.get(name, _NOTHING)


_NOTHING = Shape()


def _shape(**fields: Shape) -> Shape:
    return Shape(fields)


def _list(*keys: str, **fields: Shape) -> Shape:
    return Shape(fields, keys)


_MOUNTS = {
    "volumeMounts": _list("mountPath"),
    "volumeDevices": _list("devicePath"),
    "env": _list("name"),
}
_CONTAINER = {**_MOUNTS, "ports": _list("containerPort", "protocol")}
_META = _shape(finalizers=_list(), ownerReferences=_list("uid"))
_CONDITIONS = _shape(conditions=_list("type"))
_POD_SPEC = _shape(
    containers=_list("name", **_CONTAINER),
    initContainers=_list("name", **_CONTAINER),
    ephemeralContainers=_list("name", **_MOUNTS),
    volumes=_list("name", ephemeral=_shape(volumeClaimTemplate=_shape(metadata=_META))),
    hostAliases=_list("ip"),
    imagePullSecrets=_list("name"),
    topologySpreadConstraints=_list("topologyKey", "whenUnsatisfiable"),
)
_TEMPLATE = _shape(metadata=_META, spec=_POD_SPEC)
_WORKLOAD = {"spec": _shape(template=_TEMPLATE), "status": _CONDITIONS}
_CRON_JOB = {"spec": _shape(jobTemplate=_shape(metadata=_META, spec=_shape(template=_TEMPLATE)))}
_WEBHOOKS = {"webhooks": _list("name")}

_SPECIAL: dict[str, dict[str, Shape]] = {
    "v1/ComponentStatus": {"conditions": _list("type")},
    "v1/Namespace": {"status": _CONDITIONS},
    "v1/Node": {
        "spec": _shape(podCIDRs=_list()),
        "status": _shape(conditions=_list("type"), addresses=_list("type")),
    },
    "v1/PersistentVolumeClaim": {"status": _CONDITIONS},
    "v1/Pod": {"spec": _POD_SPEC, "status": _shape(conditions=_list("type"), podIPs=_list("ip"))},
    "v1/PodTemplate": {"template": _TEMPLATE},
    "v1/ReplicationController": _WORKLOAD,
    "v1/Service": {"spec": _shape(ports=_list("port", "protocol")), "status": _CONDITIONS},
    "v1/ServiceAccount": {"secrets": _list("name")},
    "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration": _WEBHOOKS,
    "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration": _WEBHOOKS,
    "admissionregistration.k8s.io/v1beta1/MutatingWebhookConfiguration": _WEBHOOKS,
    "admissionregistration.k8s.io/v1beta1/ValidatingWebhookConfiguration": _WEBHOOKS,
    "apiregistration.k8s.io/v1/APIService": {"status": _CONDITIONS},
    "apiregistration.k8s.io/v1beta1/APIService": {"status": _CONDITIONS},
    "apps/v1/DaemonSet": _WORKLOAD,
    "apps/v1/Deployment": _WORKLOAD,
    "apps/v1/ReplicaSet": _WORKLOAD,
    "apps/v1/StatefulSet": _WORKLOAD,
    "batch/v1/CronJob": _CRON_JOB,
    "batch/v1/Job": _WORKLOAD,
    "batch/v1beta1/CronJob": _CRON_JOB,
    "policy/v1/PodDisruptionBudget": {"status": _CONDITIONS},
    "policy/v1beta1/PodDisruptionBudget": {"status": _CONDITIONS},
    "storage.k8s.io/v1/CSINode": {"spec": _shape(drivers=_list("name"))},
    "storage.k8s.io/v1beta1/CSINode": {"spec": _shape(drivers=_list("name"))},
}

_ORDINARY: dict[str, str] = {
    "v1": "Binding ConfigMap Endpoints Event LimitRange PersistentVolume ResourceQuota Secret",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "apiextensions.k8s.io/v1beta1": "CustomResourceDefinition",
    "apps/v1": "ControllerRevision",
    "authentication.k8s.io/v1": "TokenRequest TokenReview",
    "authentication.k8s.io/v1beta1": "TokenReview",
    "authorization.k8s.io/v1": "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview"
    " SubjectAccessReview",
    "authorization.k8s.io/v1beta1": "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview"
    " SubjectAccessReview",
    "autoscaling/v1": "HorizontalPodAutoscaler Scale",
    "autoscaling/v2beta1": "HorizontalPodAutoscaler",
    "autoscaling/v2beta2": "HorizontalPodAutoscaler",
    "certificates.k8s.io/v1": "CertificateSigningRequest",
    "certificates.k8s.io/v1beta1": "CertificateSigningRequest",
    "coordination.k8s.io/v1": "Lease",
    "coordination.k8s.io/v1beta1": "Lease",
    "discovery.k8s.io/v1": "EndpointSlice",
    "discovery.k8s.io/v1beta1": "EndpointSlice",
    "events.k8s.io/v1": "Event",
    "events.k8s.io/v1beta1": "Event",
    "extensions/v1beta1": "Ingress",
    "flowcontrol.apiserver.k8s.io/v1beta1": "FlowSchema PriorityLevelConfiguration",
    "networking.k8s.io/v1": "Ingress IngressClass NetworkPolicy",
    "networking.k8s.io/v1beta1": "Ingress IngressClass",
    "node.k8s.io/v1": "RuntimeClass",
    "node.k8s.io/v1beta1": "RuntimeClass",
    "policy/v1beta1": "Eviction PodSecurityPolicy",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "rbac.authorization.k8s.io/v1beta1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "scheduling.k8s.io/v1beta1": "PriorityClass",
    "storage.k8s.io/v1": "CSIDriver StorageClass VolumeAttachment",
    "storage.k8s.io/v1beta1": "CSIDriver CSIStorageCapacity StorageClass VolumeAttachment",
}

SHAPES: dict[str, Shape] = {
    **{
        f"{version}/{kind}": _shape(metadata=_META)
        for version, kinds in _ORDINARY.items()
        for kind in kinds.split()
    },
    **{name: Shape({"metadata": _META, **fields}) for name, fields in _SPECIAL.items()},
}
"""Shape of every known type, by ``apiVersion/kind``."""

_CLUSTER_SCOPED: dict[str, str] = {
    "v1": "ComponentStatus Namespace Node NodeProxyOptions PersistentVolume",
    "admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    "admissionregistration.k8s.io/v1beta1": "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "apiextensions.k8s.io/v1beta1": "CustomResourceDefinition",
    "apiregistration.k8s.io/v1": "APIService",
    "apiregistration.k8s.io/v1beta1": "APIService",
    "certificates.k8s.io/v1": "CertificateSigningRequest",
    "certificates.k8s.io/v1beta1": "CertificateSigningRequest",
    "flowcontrol.apiserver.k8s.io/v1beta1": "FlowSchema PriorityLevelConfiguration",
    "networking.k8s.io/v1": "IngressClass",
    "networking.k8s.io/v1beta1": "IngressClass",
    "node.k8s.io/v1": "RuntimeClass",
    "node.k8s.io/v1beta1": "RuntimeClass",
    "policy/v1beta1": "PodSecurityPolicy",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding",
    "rbac.authorization.k8s.io/v1beta1": "ClusterRole ClusterRoleBinding",
    "scheduling.k8s.io/v1": "PriorityClass",
    "scheduling.k8s.io/v1beta1": "PriorityClass",
    "storage.k8s.io/v1": "CSIDriver CSINode StorageClass VolumeAttachment",
    "storage.k8s.io/v1beta1": "CSIDriver CSINode StorageClass VolumeAttachment",
}

CLUSTER_SCOPED = frozenset(
    f"{version}/{kind}" for version, kinds in _CLUSTER_SCOPED.items() for kind in kinds.split()
)
"""Types that certainly have no namespace, by ``apiVersion/kind``."""


def shape_of(node: Node | None) -> Shape | None:
    """The shape of a document by its ``apiVersion`` and ``kind``; ``None`` if the type is not known."""
    if not isinstance(node, dict):
        return None
    return SHAPES.get(f"{text_of(node.get('apiVersion'))}/{text_of(node.get('kind'))}")
