"""Every document of every environment: valid Kubernetes, and nothing in it that podman would silently ignore."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from brics_envs.config.environment import environment_names, load_environment
from brics_envs.lifecycle.prepare import UpOptions, prepare
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.manifest import assemble
from brics_envs.plan.names import Instance
from brics_envs.plan.overlay import Document
from brics_envs.plan.ports import SLURMD_PORTS, container_ports
from brics_envs.plan.secrets import HIDDEN, SECRETS
from pykustomize import build, dump
from pykustomize.tests.conformance.table import ask_kubectl
from tests.conformance.overlays import HERE, ROOT

ENVIRONMENTS = environment_names(ROOT)
FIELDS = yaml.safe_load((HERE / "podman_fields.yaml").read_text(encoding="utf-8"))
NEWEST = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = [f"1.{NEWEST - age}.0" for age in range(3)]
CLUSTER = build(ROOT / "k8s/overlays/kubernetes")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's configuration, and users for the environments that have none of their own."""
    root = tmp_path_factory.mktemp("project")
    (root / "k8s").symlink_to(ROOT / "k8s")
    for path in (ROOT / "config").rglob("*"):
        if path.is_file():
            copy = root / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    for name in ENVIRONMENTS:
        (root / "config" / name / "dev_users").write_text("testuser.project1\n")
        (root / "config" / name / "deploy.local.yaml").unlink(missing_ok=True)
    return root


def desired(root: Path, name: str) -> DesiredState:
    return prepare(UpOptions(load_environment(root, name), Instance(), 8000, "auto", (), None, None, False))


def rendered(root: Path, name: str) -> list[Document]:
    return assemble(desired(root, name), HIDDEN)


@pytest.fixture(params=ENVIRONMENTS)
def manifest(request: pytest.FixtureRequest, root: Path) -> list[Document]:
    """An environment's complete manifest."""
    return rendered(root, request.param)


def test_there_are_all_environments() -> None:
    assert ENVIRONMENTS == [
        "dev_dummyauth",
        "dev_dummyauth_extslurm",
        "dev_realauth",
        "dev_realauth_nadir",
        "dev_realauth_zenithclient",
        "prod",
        "prod_nadir",
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_document_is_valid(manifest: list[Document], version: str) -> None:
    for document in manifest:
        assert document["apiVersion"] == "v1"
        kubernetes_validate.validate(document, version, strict=True)


def test_podman_honours_every_field(manifest: list[Document]) -> None:
    for document in manifest:
        honoured = FIELDS["honoured"][document["kind"]]
        for path in set(paths(document)):
            known = path in FIELDS["ignored"] or any(is_below(path, field) for field in honoured)
            assert known, f"{document['kind']} {document['metadata']['name']}: podman ignores {path}"


def test_what_is_listed_as_ignored_is_used() -> None:
    used = {path for document in build(ROOT / "k8s/base") for path in paths(document)}
    assert set(FIELDS["ignored"]) <= used


def paths(value: Any, path: str = "") -> Iterator[str]:
    """The paths of a document's scalars."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from paths(below, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for below in value:
            yield from paths(below, f"{path}[]")
    else:
        yield path


def is_below(path: str, field: str) -> bool:
    return path == field or path.startswith((f"{field}.", f"{field}["))


def test_the_comparison_sees_what_podman_ignores() -> None:
    pod = {"spec": {"containers": [{"readinessProbe": {"httpGet": {"port": 1}}}], "volumes": []}}
    assert set(paths(pod)) == {"spec.containers[].readinessProbe.httpGet.port"}
    assert not any(is_below(path, field) for path in paths(pod) for field in FIELDS["honoured"]["Pod"])


def test_secrets_that_down_looks_for_are_all_that_there_are(manifest: list[Document]) -> None:
    assert {d["metadata"]["name"] for d in manifest if d["kind"] == "Secret"} <= set(SECRETS)


def test_containers_that_are_not_slurms_have_no_privileges(manifest: list[Document]) -> None:
    (pod,) = (document for document in manifest if document["kind"] == "Pod")
    names = {container["name"] for container in pod["spec"]["containers"]}
    # For ports that jobs cannot have, where jobs share the pod's network.
    added = {"add": ["NET_BIND_SERVICE"]} if "slurm" in names else {}
    for container in pod["spec"]["containers"]:
        context = container.get("securityContext", {})
        assert "privileged" not in context
        if container["name"] == "slurm":
            assert not context
            continue
        assert context["runAsUser"] > 0
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] in ({"drop": ["ALL"]}, {"drop": ["ALL"]} | added)
        if added and container.get("ports"):
            assert "add" in context["capabilities"]


def test_the_pods_ports_are_below_those_of_jobs(manifest: list[Document]) -> None:
    (pod,) = (document for document in manifest if document["kind"] == "Pod")
    if sysctls := pod["spec"].get("securityContext", {}).get("sysctls"):
        (threshold,) = (int(entry["value"]) for entry in sysctls)
        assert max(container_ports(pod)) < threshold
        assert SLURMD_PORTS.stop <= threshold
    else:
        assert "slurm" not in {container["name"] for container in pod["spec"]["containers"]}


def published(manifest: list[Document]) -> dict[str, tuple[str, int]]:
    """Port name → address and port on the host."""
    (pod,) = (document for document in manifest if document["kind"] == "Pod")
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", ())]
    return {port["name"]: (port["hostIP"], port["hostPort"]) for port in ports if "hostPort" in port}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dev_dummyauth", {"http": ("127.0.0.1", 8000)}),
        ("dev_dummyauth_extslurm", {"http": ("127.0.0.1", 8000), "hub-api": ("192.0.2.10", 8081)}),
        ("dev_realauth", {"http": ("127.0.0.1", 8000), "issuer": ("127.0.0.1", 8090)}),
        ("dev_realauth_nadir", {}),
        ("dev_realauth_zenithclient", {}),
        ("prod", {"hub-api": ("192.0.2.10", 8081)}),
        ("prod_nadir", {"hub-api": ("192.0.2.10", 8081)}),
    ],
)
def test_what_is_published(root: Path, name: str, expected: dict[str, tuple[str, int]]) -> None:
    assert published(rendered(root, name)) == expected


@pytest.mark.parametrize("name", ["prod", "prod_nadir"])
def test_production_has_bounds_and_images_of_its_own_stage(root: Path, name: str) -> None:
    overlay = desired(root, name).overlay
    (pod,) = (document for document in rendered(root, name) if document["kind"] == "Pod")
    assert overlay.stage == "prod"
    assert overlay.built_images == {"jupyterhub": "latest", "proxy": "latest"}
    for container in pod["spec"]["containers"]:
        for kind in ("requests", "limits"):
            assert set(container["resources"][kind]) == {"cpu", "memory"}
    mounted = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert not mounted & {"dev-user-config", "deploy-secret"}


def test_zeniths_image_is_the_configured_one(root: Path) -> None:
    image = yaml.safe_load((ROOT / "config/versions.yaml").read_text())["zenith_client_image"]
    assert f"image: {image}\n" in (ROOT / "k8s/components/zenith/pod.yaml").read_text()
    file = root / "config/versions.yaml"
    text = file.read_text()
    file.write_text(text.replace(image, "registry.example.org/zenith:2"))
    try:
        (pod,) = (d for d in rendered(root, "prod") if d["kind"] == "Pod")
    finally:
        file.write_text(text)
    images = {container["name"]: container["image"] for container in pod["spec"]["containers"]}
    assert images["zenith-client"] == "registry.example.org/zenith:2"


# -- on a cluster


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", CLUSTER, ids=lambda d: f"{d['kind']}-{d['metadata']['name']}")
def test_the_cluster_takes_every_document(document: Document, version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", document["metadata"]["name"])


def of_kind(kind: str) -> list[Document]:
    return [document for document in CLUSTER if document["kind"] == kind]


def test_the_cluster_has_what_is_needed() -> None:
    kinds = {document["kind"] for document in CLUSTER}
    assert kinds == {
        *(
            "ConfigMap",
            "Service",
            "PersistentVolumeClaim",
            "Deployment",
            "NetworkPolicy",
            "PodDisruptionBudget",
        ),
    }
    (deployment,) = of_kind("Deployment")
    template = deployment["spec"]["template"]["spec"]
    containers = {container["name"]: container for container in template["containers"]}
    assert set(containers) == {"configurable-http-proxy", "jupyterhub", "proxy"}
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(containers["jupyterhub"])
    assert "readinessProbe" in containers["proxy"]
    assert template["securityContext"]["fsGroup"] == 10000
    for container in containers.values():
        assert container["resources"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        for port in container["ports"]:
            assert not {"hostIP", "hostPort"} & set(port)


def test_everything_that_the_cluster_refers_to_is_there_but_secrets() -> None:
    (deployment,) = of_kind("Deployment")
    template = deployment["spec"]["template"]
    config_maps = {document["metadata"]["name"] for document in of_kind("ConfigMap")}
    claims = {document["metadata"]["name"] for document in of_kind("PersistentVolumeClaim")}
    secrets = set()
    for volume in template["spec"]["volumes"]:
        if "configMap" in volume:
            assert volume["configMap"]["name"] in config_maps
        if "persistentVolumeClaim" in volume:
            assert volume["persistentVolumeClaim"]["claimName"] in claims
        if "secret" in volume:
            secrets.add(volume["secret"]["secretName"])
    assert secrets == {"jupyterhub-slurm-proxy-api", "jupyterhub-slurm-ssh-client-key"}


def test_services_policy_and_budget_select_the_hubs_pod() -> None:
    (deployment,) = of_kind("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    (policy,), (budget,) = of_kind("NetworkPolicy"), of_kind("PodDisruptionBudget")
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        policy["spec"]["podSelector"]["matchLabels"],
        budget["spec"]["selector"]["matchLabels"],
        *(service["spec"]["selector"] for service in of_kind("Service")),
    ]
    assert all(selector == labels for selector in selectors)
    containers = deployment["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: c["name"] for c in containers for port in c["ports"]}
    targets = {port["targetPort"] for service in of_kind("Service") for port in service["spec"]["ports"]}
    assert {name: ports[name] for name in targets} == {"http": "proxy", "hub-api": "jupyterhub"}


def test_the_cluster_hands_the_hub_every_setting_that_it_reads(root: Path) -> None:
    config = {document["metadata"]["name"]: document["data"] for document in of_kind("ConfigMap")}
    sources = "\n".join(config["jupyterhub-config"].values())
    read = set(re.findall(r"DEPLOY\[['\"](\w+)['\"]\]|/etc/brics/deploy/(\w+)", sources))
    needed = {first or second for first, second in read} - {"condaPrefixDir", "jupyterDataDir"}
    assert needed <= set(config["deploy-config"])
    assert set(config["deploy-config"]) == set(desired(root, "prod").settings.public())


def test_the_readmes_overlay_can_be_built(tmp_path: Path, kubectl: Path) -> None:
    """The example in the README, as it is there, upon a checkout beside it."""
    readme = (ROOT / "README.md").read_text()
    (example,) = re.findall(r"^# kustomization\.yaml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    (tmp_path / "kustomization.yaml").write_text(example)
    (tmp_path / "ssh_known_hosts").write_text("slurm.example.org ssh-ed25519 KEY\n")
    shutil.copytree(ROOT / "k8s", tmp_path / "brics_jupyterhub_envs/k8s")
    documents = build(tmp_path)
    assert dump(documents) == ask_kubectl(tmp_path)
    by_name = {(d["kind"], d["metadata"]["name"]): d for d in documents}
    pod = by_name["Deployment", "jupyterhub-slurm"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.example.org/brics_jupyterhub:1"
    assert {container["image"].partition("/")[0] for container in pod["containers"]} == {
        "registry.example.org"
    }
    assert by_name["ConfigMap", "ssh-known-hosts"]["data"] == {
        "known_hosts": "slurm.example.org ssh-ed25519 KEY\n"
    }
    assert by_name["ConfigMap", "deploy-config"]["data"]["baseUrl"] == "/jupyter"
