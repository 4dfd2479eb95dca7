"""The manifest that was played: plain Kubernetes, and private."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.commands import invoke, ok
from tests.support.running_instance import RunningInstance


@pytest.fixture(scope="module")
def manifest(running: RunningInstance) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((running.directory / "jh_slurm_pod.yaml").read_text()))


def test_every_document_is_valid_kubernetes(manifest: list[dict[str, Any]]) -> None:
    assert {document["kind"] for document in manifest} == {
        "ConfigMap",
        "PersistentVolumeClaim",
        "Pod",
        "Secret",
    }
    for document in manifest:
        assert document["apiVersion"] == "v1"
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_names_are_the_contracts(running: RunningInstance, manifest: list[dict[str, Any]]) -> None:
    named = {(document["kind"], document["metadata"]["name"]) for document in manifest}
    for kind, name in {
        ("Pod", "jupyterhub-slurm"),
        ("PersistentVolumeClaim", "jupyterhub_root"),
        ("PersistentVolumeClaim", "slurm_root"),
        ("Secret", "jupyterhub-slurm-proxy-api"),
        ("Secret", "jupyterhub-slurm-ssh-client-key"),
        ("Secret", "jupyterhub-slurm-ssh-host-key"),
        ("ConfigMap", "dev-user-config"),
        ("ConfigMap", "deploy-config"),
    }:
        assert (kind, running.instance.named(name)) in named


def test_secrets_are_in_secrets_alone(manifest: list[dict[str, Any]], running: RunningInstance) -> None:
    rest = yaml.safe_dump_all([document for document in manifest if document["kind"] != "Secret"])
    assert running.password not in rest
    assert "PRIVATE KEY" not in rest


def test_rendered_without_secrets_unless_they_are_asked_for(running: RunningInstance) -> None:
    def render(*more: str) -> str:
        settings = ("--env", "dev_dummyauth", "--port", str(running.port))
        return ok(invoke("render", *settings, *running.option, *more)).stdout

    hidden, shown = render(), render("--show-secrets")
    assert running.password not in hidden
    assert "PRIVATE KEY" not in hidden
    assert running.password in shown
    assert "OPENSSH PRIVATE KEY" in shown
    assert [d["kind"] for d in yaml.safe_load_all(hidden)] == [d["kind"] for d in yaml.safe_load_all(shown)]
