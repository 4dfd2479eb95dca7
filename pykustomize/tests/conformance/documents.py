"""Random Kubernetes documents for the comparison with kubectl."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from pykustomize.tests.conformance.yaml_text import Block, yaml_text

Draw = Any
NAMES = ("alpha", "beta", "gamma-1")
SCALARS = (
    *("$(V)", "'a-$(V)'", "$$(V)", "'$(W)'"),
    *("1", "0", "017", "0o17", "0x1F", "1_000", "1e3", "1.50", ".5", "-3", "+5", "1e21", "0.0000001", "08"),
    *("true", "False", "yes", "on", "off", "null", "~", "text", "a b", "a:b", "2020-01-01", "12:30:45"),
    *(
        '"1"',
        "'on'",
        '"null"',
        '""',
        "'a: b'",
        '"two\\nlines"',
        '"caf\\u00e9"',
        "12345678901234567890",
        "x#y",
        "'#z'",
    ),
)
PLAIN_LABELS = ("web", "db", '"1"', "v2", '"true"')
IMAGES = ("nginx", "nginx:1.2", "example.com:5000/app:3", "example.com/app@sha256:0123", "redis")


@dataclass
class Tree:
    """One example.

    :param files: text of each file by its path.
    :param directory: the kustomization to build.
    :param features: what it makes use of.
    :param known: kinds and names of the documents so far.
    """

    files: dict[str, str] = field(default_factory=dict)
    directory: str = "overlay"
    features: set[str] = field(default_factory=set)
    known: set[tuple[str, str]] = field(default_factory=set)


BLOCKS = (
    Block(">\none\n  two\n\nthree"),
    Block(">-\none\n\ntwo"),
    Block(">+\none\n two\n"),
    Block(">2\n one\ntwo\n\nthree"),
    Block("|\none\n  two"),
    Block("|-\n- one\n#two"),
)


scalars = st.sampled_from((*SCALARS, *BLOCKS))
names = st.sampled_from(NAMES)


def some(draw: Draw, **fields: Any) -> dict[str, Any]:
    """A random selection of fields."""
    return {key: draw(strategy) for key, strategy in fields.items() if draw(st.booleans())}


env = st.fixed_dictionaries({"name": st.sampled_from(("A", "B", "C")), "value": scalars})
config_env = names.map(
    lambda name: {"name": "D", "valueFrom": {"configMapKeyRef": {"name": name, "key": "k"}}}
)
port = st.fixed_dictionaries(
    {"containerPort": st.sampled_from(("80", "443", "8080"))},
    optional={"protocol": st.sampled_from(("TCP", "UDP")), "name": st.sampled_from(("http", "dns"))},
)
mount = st.fixed_dictionaries({"mountPath": st.sampled_from(("/a", "/b", "/c")), "name": names})
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(("p", "q10", "q9", "Z")), inner, max_size=2)
    ),
    max_leaves=4,
)


def _unique(strategy: Any, key: str) -> Any:
    return st.lists(strategy, min_size=1, max_size=3, unique_by=lambda element: element[key])


@st.composite
def container(draw: Draw, name: str = "") -> dict[str, Any]:
    return {
        "name": name or draw(names),
        **some(
            draw,
            image=st.sampled_from(IMAGES),
            args=st.lists(scalars, max_size=3),
            env=_unique(env | config_env, "name"),
            ports=_unique(port, "containerPort") | st.lists(port, min_size=1, max_size=3),
            volumeMounts=_unique(mount, "mountPath"),
            resources=anything,
            envFrom=names.map(lambda name: [{"secretRef": {"name": name}}]),
        ),
    }


@st.composite
def volume(draw: Draw) -> dict[str, Any]:
    name = draw(names)
    source = draw(
        st.sampled_from(
            (
                {"configMap": {"name": name}},
                {"secret": {"secretName": name}},
                {"persistentVolumeClaim": {"claimName": name}},
                {"emptyDir": {}},
                {"projected": {"sources": [{"configMap": {"name": name}}, {"secret": {"name": name}}]}},
            )
        )
    )
    return {"name": draw(names), **source}


@st.composite
def pod_spec(draw: Draw) -> dict[str, Any]:
    return {
        "containers": draw(_unique(container(), "name")),
        **some(
            draw,
            initContainers=_unique(container(), "name"),
            volumes=_unique(volume(), "name"),
            serviceAccountName=names,
            hostAliases=_unique(
                st.fixed_dictionaries(
                    {"ip": st.sampled_from(("1.1.1.1", "2.2.2.2")), "hostnames": st.lists(names)}
                ),
                "ip",
            ),
            tolerations=st.lists(st.fixed_dictionaries({"key": names}), max_size=2),
            securityContext=anything,
            nodeName=scalars,
        ),
    }


@st.composite
def metadata(draw: Draw) -> dict[str, Any]:
    pairs = st.dictionaries(st.sampled_from(("app", "tier")), st.sampled_from(PLAIN_LABELS), max_size=2)
    return {
        "name": draw(names),
        **some(
            draw,
            labels=pairs,
            annotations=st.dictionaries(st.sampled_from(("note", "x/y")), scalars, max_size=2),
            finalizers=st.lists(st.sampled_from(("f1", "f2", "f3")), unique=True, min_size=1),
        ),
    }


def _template(spec: Any) -> Any:
    labels = st.dictionaries(st.just("app"), st.sampled_from(PLAIN_LABELS), max_size=1)
    return st.fixed_dictionaries({"metadata": st.fixed_dictionaries({"labels": labels}), "spec": spec})


_POD = pod_spec()
_WORKLOAD = st.fixed_dictionaries(
    {"template": _template(_POD)},
    optional={"replicas": scalars, "selector": st.just({"matchLabels": {"app": "web"}})},
)
_SERVICE = st.fixed_dictionaries(
    {
        "ports": st.lists(
            st.fixed_dictionaries(
                {"port": st.sampled_from(("80", "443"))},
                optional={"protocol": st.sampled_from(("TCP", "UDP")), "targetPort": scalars},
            ),
            min_size=1,
            max_size=3,
        )
    },
    optional={"selector": st.just({"app": "web"}), "type": scalars},
)
_RULE = st.lists(st.fixed_dictionaries({"podSelector": st.just({"matchLabels": {"app": "db"}})}), max_size=1)
KINDS: dict[str, tuple[str, Any]] = {
    "Pod": ("v1", st.fixed_dictionaries({"spec": _POD})),
    "Deployment": ("apps/v1", st.fixed_dictionaries({"spec": _WORKLOAD})),
    "StatefulSet": (
        "apps/v1",
        st.fixed_dictionaries(
            {"spec": st.tuples(_WORKLOAD, names).map(lambda p: {**p[0], "serviceName": p[1]})}
        ),
    ),
    "Job": ("batch/v1", st.fixed_dictionaries({"spec": _WORKLOAD})),
    "CronJob": (
        "batch/v1",
        st.fixed_dictionaries(
            {"spec": st.fixed_dictionaries({"jobTemplate": st.fixed_dictionaries({"spec": _WORKLOAD})})}
        ),
    ),
    "Service": ("v1", st.fixed_dictionaries({"spec": _SERVICE})),
    "ConfigMap": (
        "v1",
        st.fixed_dictionaries({"data": st.dictionaries(st.sampled_from(("k", "l")), scalars, max_size=2)}),
    ),
    "PersistentVolumeClaim": (
        "v1",
        st.fixed_dictionaries({"spec": st.fixed_dictionaries({}, optional={"storageClassName": names})}),
    ),
    "ServiceAccount": (
        "v1",
        st.fixed_dictionaries({}, optional={"imagePullSecrets": names.map(lambda n: [{"name": n}])}),
    ),
    "NetworkPolicy": (
        "networking.k8s.io/v1",
        st.fixed_dictionaries(
            {
                "spec": st.fixed_dictionaries(
                    {"podSelector": st.just({"matchLabels": {"app": "web"}})},
                    optional={"ingress": _RULE.map(lambda rule: [{"from": rule}])},
                )
            }
        ),
    ),
    "PodDisruptionBudget": (
        "policy/v1",
        st.fixed_dictionaries({"spec": st.just({"selector": {"matchLabels": {"app": "web"}}})}),
    ),
    "Ingress": (
        "networking.k8s.io/v1",
        st.fixed_dictionaries(
            {
                "spec": names.map(
                    lambda n: {
                        "tls": [{"secretName": n}],
                        "rules": [{"http": {"paths": [{"backend": {"service": {"name": n}}}]}}],
                    }
                )
            }
        ),
    ),
    "RoleBinding": (
        "rbac.authorization.k8s.io/v1",
        names.map(
            lambda n: {
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": n},
                "subjects": [{"kind": "ServiceAccount", "name": n}],
            }
        ),
    ),
    "HorizontalPodAutoscaler": (
        "autoscaling/v2",
        names.map(lambda n: {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": n}}}),
    ),
    "Namespace": ("v1", st.just({})),
    "Widget": (
        "example.com/v1",
        st.fixed_dictionaries(
            {"spec": st.dictionaries(st.sampled_from(("p", "q", "items")), anything, max_size=3)}
        ),
    ),
}


@st.composite
def document(draw: Draw, kind: str = "") -> dict[str, Any]:
    """One Kubernetes document."""
    kind = kind or draw(st.sampled_from(sorted(KINDS)))
    version, body = KINDS[kind]
    return {"apiVersion": version, "kind": kind, "metadata": draw(metadata()), **draw(body)}


def documents(draw: Draw, tree: Tree, path: str, size: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = draw(
        st.lists(
            document(),
            min_size=1,
            max_size=size,
            unique_by=lambda one: (one["kind"], one["metadata"]["name"]),
        )
    )
    tree.files[path] = "---\n".join(yaml_text(one) for one in found)
    tree.known.update((one["kind"], one["metadata"]["name"]) for one in found)
    tree.features.add("multi-document file" if len(found) > 1 else "resource file")
    return found
