"""Where labels, annotations, namespaces, images and variables stand in which type of document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pykustomize.fieldspecs import FieldSpec


def _template(prefix: str, leaf: str) -> tuple[FieldSpec, ...]:
    """The pod templates' ``metadata/labels`` or ``metadata/annotations`` of the workload types."""
    place = f"{prefix}spec/template/metadata/{leaf}"
    job = "spec/jobTemplate"
    return (
        FieldSpec(place, "ReplicationController", version="v1", create=True),
        *(FieldSpec(place, kind, create=True) for kind in ("Deployment", "ReplicaSet", "DaemonSet")),
        FieldSpec(place, "StatefulSet", group="apps" if leaf == "labels" else "", create=True),
        FieldSpec(place, "Job", group="batch", create=True),
        FieldSpec(f"{job}/metadata/{leaf}", "CronJob", group="batch", create=True),
        FieldSpec(f"{job}/spec/template/metadata/{leaf}", "CronJob", group="batch", create=True),
    )


def _affinities() -> Iterable[FieldSpec]:
    preferred = "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm"
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    terms = [
        f"affinity/{side}/{term}"
        for side in ("podAffinity", "podAntiAffinity")
        for term in (preferred, required)
    ]
    for kind in ("Deployment", "StatefulSet"):
        for term in (*terms, "topologySpreadConstraints"):
            yield FieldSpec(f"spec/template/spec/{term}/labelSelector/matchLabels", kind, "apps")


METADATA_LABELS = (FieldSpec("metadata/labels", create=True),)

TEMPLATE_LABELS = (
    *METADATA_LABELS,
    *_template("", "labels"),
    FieldSpec("spec/volumeClaimTemplates[]/metadata/labels", "StatefulSet", "apps", create=True),
)

SELECTOR_LABELS = (
    *TEMPLATE_LABELS,
    FieldSpec("spec/selector", "Service", version="v1", create=True),
    FieldSpec("spec/selector", "ReplicationController", version="v1", create=True),
    *(
        FieldSpec("spec/selector/matchLabels", kind, create=True)
        for kind in ("Deployment", "ReplicaSet", "DaemonSet")
    ),
    FieldSpec("spec/selector/matchLabels", "StatefulSet", "apps", create=True),
    FieldSpec("spec/selector/matchLabels", "Job", "batch"),
    FieldSpec("spec/jobTemplate/spec/selector/matchLabels", "CronJob", "batch"),
    FieldSpec("spec/selector/matchLabels", "PodDisruptionBudget", "policy"),
    *(
        FieldSpec(f"spec/{side}/matchLabels", "NetworkPolicy", "networking.k8s.io")
        for side in ("podSelector", "ingress/from/podSelector", "egress/to/podSelector")
    ),
    *_affinities(),
)

ANNOTATIONS = (FieldSpec("metadata/annotations", create=True), *_template("", "annotations"))

NAMESPACES = (
    FieldSpec("metadata/name", "Namespace", create=True),
    FieldSpec("spec/service/namespace", "APIService", "apiregistration.k8s.io", create=True),
    FieldSpec(
        "spec/conversion/webhook/clientConfig/service/namespace",
        "CustomResourceDefinition",
        "apiextensions.k8s.io",
    ),
)

IMAGES = tuple(
    FieldSpec(f"{prefix}{place}")
    for prefix in ("spec/", "spec/template/spec/")
    for place in ("containers[]/image", "initContainers[]/image", "volumes[]/image/reference")
)

REPLICAS = tuple(
    FieldSpec("spec/replicas", kind, create=True)
    for kind in ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")
)


def _variables() -> Iterator[FieldSpec]:
    """Where ``$(NAME)`` is replaced."""
    pods = [("spec/", "Pod"), ("spec/jobTemplate/spec/template/spec/", "CronJob")]
    pods += [
        ("spec/template/spec/", kind)
        for kind in ("DaemonSet", "Deployment", "Job", "ReplicaSet", "StatefulSet")
    ]
    for prefix, kind in pods:
        for place in ("containers", "initContainers"):
            for field in ("args", "command", "env/value", "volumeMounts/mountPath"):
                yield FieldSpec(f"{prefix}{place}/{field}", kind)
    for path in ("spec/rules/host", "spec/tls/hosts", "spec/tls/secretName"):
        yield FieldSpec(path, "Ingress")
    for path in ("spec/ports/port", "spec/ports/targetPort"):
        yield FieldSpec(path, "Service")
    for kind in ("DaemonSet", "Deployment", "Job", "ReplicaSet"):
        yield FieldSpec("spec/template/spec/volumes/nfs/server", kind)
    yield FieldSpec("spec/jobTemplate/spec/template/volumes/nfs/server", "CronJob")
    yield FieldSpec("spec/volumeClaimTemplates/spec/nfs/server", "StatefulSet")
    yield FieldSpec("spec/volumes/nfs/server", "Pod")
    yield FieldSpec("spec/nfs/server", "PersistentVolume")
    yield FieldSpec("spec/template/metadata/annotations", "Deployment")
    yield FieldSpec("metadata/annotations")
    yield FieldSpec("metadata/labels")


VARIABLES = tuple(_variables())
