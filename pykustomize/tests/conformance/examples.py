"""Random kustomizations for the comparison with kubectl: bases, components, overlays, as trees of text files."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Draw = Any
NAMES = ("alpha", "beta", "gamma-1")
SCALARS = (
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


def yaml_text(value: Any, indent: int = 0) -> str:
    """Block-style YAML. Strings are written as they are, so that a strategy chooses quotes and spelling."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{key}:{_below(item, indent)}" for key, item in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{pad}-{_below(item, indent)}" for item in value)
    return f"{pad}{_flat(value)}\n"


def _below(value: Any, indent: int) -> str:
    if isinstance(value, dict | list) and value:
        return "\n" + yaml_text(value, indent + 1)
    return f" {_flat(value)}\n"


def _flat(value: Any) -> str:
    return "{}" if value == {} else "[]" if value == [] else str(value)


def block(text: str) -> str:
    """A ``|`` scalar, for a field at the indentation of list entries' fields."""
    return "|-\n" + "\n".join(f"      {line}" for line in text.rstrip("\n").split("\n"))


scalars = st.sampled_from(SCALARS)
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


def _documents(draw: Draw, tree: Tree, path: str, size: int) -> list[dict[str, Any]]:
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


def _strategic(draw: Draw, target: dict[str, Any], tree: Tree) -> dict[str, Any]:
    """A patch made from another random document of the kind, with nulls and directives strewn in."""
    patch: dict[str, Any] = copy.deepcopy(draw(document(target["kind"])))
    patch["metadata"]["name"] = target["metadata"]["name"]
    for _ in range(draw(st.integers(0, 3))):
        _disturb(draw, patch, tree)
    return patch


FIXED = ("apiVersion", "kind", "name", "mountPath", "ip", "containerPort", "port", "$patch")


def _disturb(draw: Draw, patch: dict[str, Any], tree: Tree) -> None:
    node: Any = patch
    while True:
        steps = list(node) if isinstance(node, dict) else list(range(len(node)))
        steps = [step for step in steps if step not in FIXED]
        if not steps:
            return
        step = draw(st.sampled_from(steps))
        inner = node[step]
        if isinstance(inner, dict | list) and inner and (node is patch or draw(st.booleans())):
            node = inner
            continue
        if isinstance(node, dict) and step not in ("metadata",):
            change = draw(st.sampled_from(("null", "delete", "replace", "merge")))
            if change == "null":
                node[step] = "null"
                tree.features.add("null in a patch")
            elif node is not patch or change == "merge":
                node["$patch"] = change
                tree.features.add(f"$patch: {change}")
        return


def _pointers(node: Any, path: str = "") -> list[str]:
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = []
    for step, inner in steps:
        below = f"{path}/{str(step).replace('~', '~0').replace('/', '~1')}"
        found += [below, *_pointers(inner, below)]
    return [
        pointer for pointer in found if not pointer.startswith(("/apiVersion", "/kind", "/metadata/name"))
    ]


def _json_patch(draw: Draw, target: dict[str, Any]) -> list[dict[str, Any]]:
    body = {key: value for key, value in target.items() if key not in ("apiVersion", "kind")}
    pointers = [pointer for pointer in _pointers(body) if pointer != "/metadata"] or ["/metadata/labels"]
    operations = []
    for _ in range(draw(st.integers(1, 2))):
        pointer = draw(st.sampled_from(pointers))
        operation = draw(st.sampled_from(("add", "replace", "remove", "test", "copy", "append")))
        if operation == "append":
            operations.append(
                {"op": "add", "path": f"{pointer.rpartition('/')[0]}/-", "value": draw(anything)}
            )
        elif operation == "test":
            operations.append({"op": "test", "path": "/kind", "value": target["kind"]})
        elif operation == "remove":
            operations.append({"op": "remove", "path": pointer})
        elif operation == "copy":
            operations.append({"op": "copy", "from": pointer, "path": "/copied"})
        else:
            operations.append({"op": operation, "path": pointer, "value": draw(anything)})
    return operations


def _patches(draw: Draw, tree: Tree, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    entries = []
    for _ in range(draw(st.integers(0, 3))):
        target = draw(st.sampled_from(known))
        name, kind = target["metadata"]["name"], target["kind"]
        style = draw(st.sampled_from(("json", "named", "targeted", "file")))
        selectors: list[dict[str, str]] = [
            {"kind": kind, "name": name},
            {"kind": kind, "name": f"{name[:2]}.*|zzz"},
        ]
        if style == "targeted":
            selectors += [{"kind": f"{kind[:3]}.*"}, {"version": "v[0-9]", "kind": kind}]
            if "app" in target["metadata"].get("labels", {}):
                selectors += [{"labelSelector": "app", "kind": kind}]
        selector = draw(st.sampled_from(selectors))
        if style == "json":
            entries.append({"target": selector, "patch": block(yaml_text(_json_patch(draw, target)))})
            tree.features.add("JSON patch")
        elif style == "named":
            entries.append({"patch": block(yaml_text(_strategic(draw, target, tree)))})
            tree.features.add("strategic patch")
        elif style == "targeted":
            entries.append({"target": selector, "patch": block(yaml_text(_strategic(draw, target, tree)))})
            tree.features.add("strategic patch with target")
        else:
            path = f"patch{len(tree.files)}.yaml"
            tree.files[f"overlay/{path}"] = "---\n".join(
                yaml_text(_strategic(draw, draw(st.sampled_from(known)), tree)) for _ in range(2)
            )
            entries.append({"path": path})
            tree.features.add("patch file with several documents")
    return entries


def _generators(draw: Draw, tree: Tree, place: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for kind, made in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
        if not draw(st.booleans()):
            continue
        entry: dict[str, Any] = {
            "name": draw(names),
            "literals": draw(st.lists(_literal, max_size=3, unique_by=_key)),
        }
        if draw(st.booleans()):
            tree.files[f"{place}/data.txt"] = draw(
                st.sampled_from(("hello\n", "a\nb\n", "", "<x & y>\n", "é"))
            )
            entry["files"] = ["data.txt", "other=data.txt"]
        if draw(st.booleans()):
            tree.files[f"{place}/some.env"] = "# comment\nE=1\nF=two words \n"
            entry["envs"] = ["some.env"]
        if draw(st.booleans()):
            entry["options"] = draw(
                st.sampled_from(
                    ({"disableNameSuffixHash": "true"}, {"immutable": "true"}, {"labels": {"gen": "'1'"}}, {})
                )
            )
        exists = (made, entry["name"]) in tree.known
        behavior = draw(st.sampled_from(("merge", "replace") if exists else ("", "create")))
        if behavior:
            entry["behavior"] = behavior
        tree.known.add((made, entry["name"]))
        fields[kind] = [entry]
        tree.features.add(f"{kind} {behavior}".strip())
    if fields and draw(st.booleans()):
        fields["generatorOptions"] = {"annotations": {"made": "here"}}
        tree.features.add("generatorOptions")
    return fields


_literal = st.sampled_from(("A=1", "B=x=y", "'C=\"quoted\"'", "D=", "'G=<é>'"))


def _key(literal: str) -> str:
    return literal.strip("'").partition("=")[0]


def _transformers(draw: Draw, tree: Tree) -> dict[str, Any]:
    fields = some(
        draw,
        namePrefix=st.sampled_from(("pre-", "x")),
        nameSuffix=st.sampled_from(("-suf", "'-2'")),
        namespace=st.sampled_from(("team", "default")),
        commonAnnotations=st.just({"common": "'yes'"}),
        labels=st.lists(
            st.fixed_dictionaries(
                {"pairs": st.just({"app": "web", "extra": "'1'"})},
                optional={
                    "includeSelectors": st.sampled_from(("true", "false")),
                    "includeTemplates": st.just("true"),
                },
            ),
            min_size=1,
            max_size=2,
        ),
        images=st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(("nginx", "example.com/app", "example.com:5000/app"))},
                optional={
                    "newName": st.just("mirror/x"),
                    "newTag": st.just("'9'"),
                    "digest": st.just("sha256:beef"),
                },
            ),
            min_size=1,
            max_size=2,
        ),
    )
    tree.features.update(fields)
    return fields


def _second_base(draw: Draw, tree: Tree) -> None:
    """Another base with the same names, told apart by a prefix, and references into both."""
    second = Tree(known=set())
    _documents(draw, second, "second/documents.yaml", 3)
    second.files["second/kustomization.yaml"] = yaml_text(
        {
            "resources": ["documents.yaml"],
            **_generators(draw, second, "second"),
            **(_transformers(draw, second) if draw(st.booleans()) else {}),
            "namePrefix": "second-",
        }
    )
    tree.files |= second.files
    tree.features |= second.features | {"two bases"}


@st.composite
def trees(draw: Draw) -> Tree:
    """A base, an overlay, sometimes a component."""
    tree = Tree()
    known = _documents(draw, tree, "base/documents.yaml", 4)
    tree.files["base/kustomization.yaml"] = yaml_text(
        {
            "resources": ["documents.yaml"],
            **_generators(draw, tree, "base"),
            **(_transformers(draw, tree) if draw(st.booleans()) else {}),
        }
    )
    overlay: dict[str, Any] = {"resources": ["../base"]}
    if draw(st.integers(0, 3)) == 3:
        _second_base(draw, tree)
        overlay["resources"] += ["../second"]
    overlay |= _generators(draw, tree, "overlay")
    if draw(st.booleans()):
        component = {
            "apiVersion": "kustomize.config.k8s.io/v1alpha1",
            "kind": "Component",
            **(_transformers(draw, tree) if draw(st.booleans()) else {}),
            **_generators(draw, tree, "component"),
        }
        if draw(st.booleans()):
            _documents(draw, tree, "component/more.yaml", 1)
            component["resources"] = ["more.yaml"]
        if len(component) == 2:
            component["nameSuffix"] = "-c"
        tree.files["component/kustomization.yaml"] = yaml_text(component)
        overlay["components"] = ["../component"]
        tree.features.add("component")
    overlay |= {"patches": _patches(draw, tree, known)}
    overlay |= _transformers(draw, tree) if draw(st.booleans()) else {}
    tree.files["overlay/kustomization.yaml"] = yaml_text(overlay)
    return tree
