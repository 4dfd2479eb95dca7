"""Every document of every environment: valid Kubernetes, and nothing in it that podman would silently ignore."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
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
from pykustomize import build
from tests.conformance.overlays import HERE, ROOT

ENVIRONMENTS = environment_names(ROOT)
FIELDS = yaml.safe_load((HERE / "podman_fields.yaml").read_text(encoding="utf-8"))
NEWEST = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = [f"1.{NEWEST - age}.0" for age in range(3)]


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


@pytest.fixture(params=[*ENVIRONMENTS, "dev_realauth with accounting"])
def manifest(request: pytest.FixtureRequest, root: Path) -> list[Document]:
    """An environment's complete manifest."""
    name, _, more = request.param.partition(" with ")
    own = root / "config" / name / "deploy.local.yaml"
    if more:
        own.write_text("slurmAccounting: true\n")
    documents = rendered(root, name)
    own.unlink(missing_ok=True)
    return documents


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
