"""The overlays for a Kubernetes cluster: valid there, complete, and a change reaches the hub."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from brics_envs.config.cluster_settings import SLURM_SETTINGS
from brics_envs.config.deploy import load_deploy_settings
from pykustomize import build, dump
from pykustomize.tests.conformance.table import ask_kubectl
from tests.conformance.overlays import ROOT
from tests.conformance.test_kubernetes import VERSIONS

Document = dict[str, Any]
OVERLAYS = ("kubernetes", "kubernetes_nadir")
CLUSTER = {name: build(ROOT / "k8s/overlays" / name) for name in OVERLAYS}
DOCUMENTS = [
    pytest.param(d, id=f"{n}-{d['kind']}-{d['metadata']['name']}") for n in OVERLAYS for d in CLUSTER[n]
]

SECRETS = {
    "kubernetes": {
        "jupyterhub-slurm-metrics",
        "jupyterhub-slurm-proxy-api",
        "jupyterhub-slurm-ssh-client-key",
    },
    "kubernetes_nadir": {
        "jupyterhub-slurm-metrics",
        "jupyterhub-slurm-proxy-api",
        "jupyterhub-slurm-ssh-client-key",
        "jupyterhub-slurm-nadir-key",
    },
}
HASH = re.compile(r"-[a-z0-9]{10}$")
"""What kustomize adds to a name."""

both = pytest.mark.parametrize("overlay", OVERLAYS)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_cluster_takes_every_document(document: Document, version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", document["metadata"]["name"])


def test_versions_are_the_newest_three() -> None:
    """The page says so."""
    words = [version.removesuffix(".0") for version in reversed(VERSIONS)]
    assert f"Kubernetes {words[0]}, {words[1]} and {words[2]}" in (ROOT / "docs/kubernetes.md").read_text()


def of_kind(documents: list[Document], kind: str) -> list[Document]:
    return [document for document in documents if document["kind"] == kind]


def template(documents: list[Document]) -> Document:
    (deployment,) = of_kind(documents, "Deployment")
    found: Document = deployment["spec"]["template"]
    return found


@both
def test_the_cluster_has_what_is_needed(overlay: str) -> None:
    documents = CLUSTER[overlay]
    assert {document["kind"] for document in documents} == {
        *(
            "ConfigMap",
            "Service",
            "PersistentVolumeClaim",
            "Deployment",
            "NetworkPolicy",
            "PodDisruptionBudget",
        ),
    }
    spec = template(documents)["spec"]
    containers = {container["name"]: container for container in spec["containers"]}
    tunnel = {"nadir-client"} if overlay == "kubernetes_nadir" else set()
    assert set(containers) == {"configurable-http-proxy", "jupyterhub", "proxy"} | tunnel
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(containers["jupyterhub"])
    # Where nothing but the tunnel reaches it no kubelet does.
    assert ("readinessProbe" in containers["proxy"]) == (not tunnel)
    assert all("readinessProbe" in containers[name] for name in tunnel)
    assert spec["securityContext"]["fsGroup"] == 10000
    for container in containers.values():
        assert container["resources"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        for port in container.get("ports", ()):
            assert not {"hostIP", "hostPort"} & set(port)


@both
def test_everything_that_the_cluster_refers_to_is_there_but_secrets(overlay: str) -> None:
    documents = CLUSTER[overlay]
    names = {
        k: {d["metadata"]["name"] for d in of_kind(documents, k)}
        for k in ("ConfigMap", "PersistentVolumeClaim")
    }
    secrets = set()
    for volume in template(documents)["spec"]["volumes"]:
        if "configMap" in volume:
            assert volume["configMap"]["name"] in names["ConfigMap"]
        if "persistentVolumeClaim" in volume:
            assert volume["persistentVolumeClaim"]["claimName"] in names["PersistentVolumeClaim"]
        if "secret" in volume:
            secrets.add(volume["secret"]["secretName"])
    assert secrets == SECRETS[overlay]


@both
def test_names_of_config_maps_have_a_hash_on_a_cluster_alone(overlay: str) -> None:
    names = {document["metadata"]["name"] for document in of_kind(CLUSTER[overlay], "ConfigMap")}
    # The one that is read for every page.
    assert {name for name in names if not HASH.search(name)} == {"announcement"}
    for other in (ROOT / "k8s/overlays").iterdir():
        if other.name not in OVERLAYS:
            for document in of_kind(build(other), "ConfigMap"):
                assert not HASH.search(document["metadata"]["name"]), other.name


@both
def test_services_policy_and_budget_select_the_hubs_pod(overlay: str) -> None:
    documents = CLUSTER[overlay]
    (deployment,) = of_kind(documents, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    (policy,), (budget,) = of_kind(documents, "NetworkPolicy"), of_kind(documents, "PodDisruptionBudget")
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        policy["spec"]["podSelector"]["matchLabels"],
        budget["spec"]["selector"]["matchLabels"],
        *(service["spec"]["selector"] for service in of_kind(documents, "Service")),
    ]
    assert all(selector == labels for selector in selectors)
    containers = deployment["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: c["name"] for c in containers for port in c.get("ports", ())}
    targets = {
        port["targetPort"] for service in of_kind(documents, "Service") for port in service["spec"]["ports"]
    }
    users = {"http": "proxy"} if overlay == "kubernetes" else {}
    assert {name: ports[name] for name in targets} == users | {"hub-api": "jupyterhub"}


def test_nobody_gets_around_what_signs_users_in() -> None:
    """The sign-in proxy is what users reach, from one namespace alone, and through a tunnel nothing else reaches it."""
    (policy,) = of_kind(CLUSTER["kubernetes"], "NetworkPolicy")
    (users,) = (rule for rule in policy["spec"]["ingress"] if rule["ports"][0]["port"] == "http")
    (source,) = users["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "jupyterhub-ingress"}
    assert source["podSelector"]["matchLabels"] == {"brics.jupyterhub-ingress": "true"}
    (policy,) = of_kind(CLUSTER["kubernetes_nadir"], "NetworkPolicy")
    assert [rule["ports"][0]["port"] for rule in policy["spec"]["ingress"]] == ["hub-api"]
    for documents, address in zip(CLUSTER.values(), ("0.0.0.0:8010", "127.0.0.1:8010"), strict=True):
        (proxy,) = (c for c in template(documents)["spec"]["containers"] if c["name"] == "proxy")
        (hub_proxy,) = (
            c for c in template(documents)["spec"]["containers"] if c["name"] == "configurable-http-proxy"
        )
        assert {"name": "LISTEN", "value": address} in proxy["env"]
        assert {"name": "ADDRESS", "value": "127.0.0.1"} in hub_proxy["env"]


@both
def test_a_drain_may_move_the_only_replica(overlay: str) -> None:
    (budget,) = of_kind(CLUSTER[overlay], "PodDisruptionBudget")
    (deployment,) = of_kind(CLUSTER[overlay], "Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert budget["spec"]["maxUnavailable"] == 1
    assert "minAvailable" not in budget["spec"]


def test_the_cluster_hands_the_hub_every_setting_that_it_reads() -> None:
    documents = of_kind(CLUSTER["kubernetes"], "ConfigMap")
    config = {HASH.sub("", document["metadata"]["name"]): document["data"] for document in documents}
    sources = "\n".join(config["jupyterhub-config"].values())
    read = set(re.findall(r"DEPLOY\[['\"](\w+)['\"]\]|/etc/brics/deploy/(\w+)", sources))
    needed = {first or second for first, second in read} - {"condaPrefixDir", "jupyterDataDir"}
    assert needed <= set(config["deploy-config"])
    settings = set(load_deploy_settings(ROOT / "config/prod/deploy.yaml").public())
    assert set(config["deploy-config"]) == settings - set(SLURM_SETTINGS)


# -- the page's own overlays

FILES = {
    "ssh_known_hosts": "slurm.example.org ssh-ed25519 KEY\n",
    "ssh_client_key": "KEY\n",
    "ssh_client_key.pub": "ssh-ed25519 KEY\n",
    "proxy_api_token": "0123",
    "metrics_token": "4567",
    "ca.crt": "CERTIFICATE\n",
    "nadir_config": "nadir.example.org\n",
    "ssh_nadir_known_hosts": "nadir.example.org ssh-ed25519 KEY\n",
    "ssh_nadir_key": "KEY\n",
    "ssh_nadir_key.pub": "ssh-ed25519 KEY\n",
}
FIRST, AUTHORITY, NADIR = range(3)
"""The examples of the page."""

Made = Callable[..., dict[tuple[str, str], Document]]


@pytest.fixture
def made(tmp_path: Path, kubectl: Path) -> Made:
    """What the page's examples give, merged into one file and built by us and by kubectl; (kind, name) → document."""
    page = (ROOT / "docs/kubernetes.md").read_text()
    blocks = re.findall(
        r"^```\n((?:# kustomization\.yaml|components:|configMapGenerator:)\n.*?)^```",
        page,
        re.MULTILINE | re.DOTALL,
    )
    shutil.copytree(ROOT / "k8s", tmp_path / "brics_jupyterhub_envs/k8s")

    def build_them(*examples: int, **changes: str) -> dict[tuple[str, str], Document]:
        for name, text in (FILES | changes).items():
            (tmp_path / name).write_text(text)
        text = blocks[FIRST]
        for example in examples:
            text = with_example(text, blocks[example])
        if NADIR in examples:
            text = text.replace("overlays/kubernetes\n", "overlays/kubernetes_nadir\n")
            text = re.sub(r"^patches:.*", "", text, flags=re.MULTILINE | re.DOTALL)
        (tmp_path / "kustomization.yaml").write_text(text)
        documents = build(tmp_path)
        assert dump(documents) == ask_kubectl(tmp_path)
        for document in documents:
            for version in VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)
        return {(d["kind"], HASH.sub("", d["metadata"]["name"])): d for d in documents}

    return build_them


def with_example(text: str, example: str) -> str:
    """A kustomization with the entries of an example in its lists."""
    for field, entries in re.findall(r"^(\w+):\n((?:  .*\n)+)", example, re.MULTILINE):
        if f"{field}:\n" in text:
            text = text.replace(f"{field}:\n", f"{field}:\n{entries}", 1)
        else:
            text = f"{field}:\n{entries}{text}"
    return text


def pod_of(documents: dict[tuple[str, str], Document]) -> Document:
    found: Document = documents["Deployment", "jupyterhub-slurm"]["spec"]["template"]["spec"]
    return found


def test_the_pages_overlay_can_be_built(made: Made) -> None:
    documents = made()
    containers = {c["name"]: c for c in pod_of(documents)["containers"]}
    assert containers["jupyterhub"]["image"] == "registry.example.org/brics_jupyterhub:1"
    assert {c["image"].partition("/")[0] for c in containers.values()} == {"registry.example.org"}
    assert documents["ConfigMap", "ssh-known-hosts"]["data"] == {"known_hosts": FILES["ssh_known_hosts"]}
    assert documents["ConfigMap", "deploy-config"]["data"]["baseUrl"] == "/jupyter"
    (policy,) = (d for (kind, _), d in documents.items() if kind == "NetworkPolicy")
    names = policy["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"]
    assert names == {"kubernetes.io/metadata.name": "ingress-nginx"}


@pytest.mark.parametrize("file", ["ssh_known_hosts", "ssh_client_key", "proxy_api_token"])
def test_a_change_reaches_the_pod(made: Made, file: str) -> None:
    """Through the names that the Deployment refers to."""
    before, after = made(), made(**{file: "changed\n"})
    assert pod_of(before) != pod_of(after)
    assert pod_of(before)["containers"] == pod_of(after)["containers"]


def test_a_private_authority_can_be_given(made: Made) -> None:
    documents = made(AUTHORITY)
    (hub,) = (c for c in pod_of(documents)["containers"] if c["name"] == "jupyterhub")
    (mount,) = (m for m in hub["volumeMounts"] if m["name"] == "ca-certificates")
    assert {"name": "SSL_CERT_FILE", "value": f"{mount['mountPath']}/ca.crt"} in hub["env"]
    assert documents["ConfigMap", "ca-certificates"]["data"] == {"ca.crt": FILES["ca.crt"]}
    assert pod_of(documents) != pod_of(made(AUTHORITY, **{"ca.crt": "ANOTHER\n"}))


def test_the_second_tunnel_works_there(made: Made) -> None:
    documents = made(NADIR, AUTHORITY)
    (client,) = (c for c in pod_of(documents)["containers"] if c["name"] == "nadir-client")
    assert client["image"] == "registry.example.org/brics_jupyterhub:1"
    assert documents["ConfigMap", "nadir-server"]["data"] == {
        name: FILES[name] for name in ("nadir_config", "ssh_nadir_known_hosts")
    }
    assert ("Service", "jupyterhub") not in documents
    changed = made(NADIR, AUTHORITY, ssh_nadir_known_hosts="changed\n")
    assert pod_of(documents) != pod_of(changed)
