"""The complete manifest: what is added to an overlay's documents, and the instance's names."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from brics_envs.config.deploy import DeploySettings
from brics_envs.config.dev_users import DevUser
from brics_envs.config.environment import Environment
from brics_envs.errors import EnvsError
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.digests import changed_inputs, input_digests, inputs_label, with_inputs_label
from brics_envs.plan.manifest import assemble
from brics_envs.plan.names import Checkout, Instance
from brics_envs.plan.overlay import Document, Overlay, the_pod
from brics_envs.plan.ports import Ports
from brics_envs.plan.record import Record, parse_record
from brics_envs.plan.secrets import HIDDEN, InstanceSecrets

SECRETS = InstanceSecrets({"ssh_client_key": "PRIVATE", "ssh_client_key.pub": "ssh-ed25519 CCC\n"})
DOCUMENTS: list[Document] = [
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "jupyterhub-config"},
        "data": {"a.py": "x"},
    },
    {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "jupyterhub_root"},
        "spec": {},
    },
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "jupyterhub-slurm", "labels": {"own": "1"}},
        "spec": {
            "containers": [
                {
                    "name": "jupyterhub",
                    "image": "localhost/brics_jupyterhub:dev-latest",
                    "ports": [
                        {"name": "http", "containerPort": 8000, "hostIP": "127.0.0.1", "hostPort": 8000}
                    ],
                },
                {"name": "other", "image": "example.org/other:1"},
            ],
            "volumes": [
                {"name": "r", "persistentVolumeClaim": {"claimName": "jupyterhub_root"}},
                {"name": "c", "configMap": {"name": "jupyterhub-config"}},
                {"name": "u", "configMap": {"name": "dev-user-config"}},
                {"name": "k", "secret": {"secretName": "jupyterhub-slurm-ssh-client-key"}},
            ],
        },
    },
]


def desired(documents: list[Document] = DOCUMENTS, **changes: Any) -> DesiredState:
    given: dict[str, Any] = {
        "environment": Environment("dev_x", Path("/project")),
        "checkout": Checkout("c0ffee", Path("/project")),
        "instance": Instance(),
        "overlay": Overlay(documents),
        "settings": DeploySettings(),
        "dev_users": (DevUser("a", "p"),),
        "ports": Ports(8123),
    }
    return DesiredState(**given | changes)


def manifest_of(
    documents: list[Document] = DOCUMENTS, secrets: InstanceSecrets = SECRETS, **changes: Any
) -> list[Document]:
    return assemble(desired(documents, **changes), secrets)


def by_name(documents: list[Document]) -> dict[str, Document]:
    return {document["metadata"]["name"]: document for document in documents}


def test_adds_what_the_pod_refers_to_and_nothing_else() -> None:
    manifest = by_name(manifest_of())
    assert set(manifest) == {
        "dev-user-config",
        "jupyterhub-slurm-ssh-client-key",
        "jupyterhub-config",
        "jupyterhub_root",
        "jupyterhub-slurm",
    }
    users = manifest["dev-user-config"]["data"]
    assert users["dev_users"] == "a.p\n"
    assert json.loads(users["dev_users.json"]) == {"a": {"p.brics": {"name": "Project p", "username": "a.p"}}}
    assert manifest["jupyterhub-slurm-ssh-client-key"]["stringData"] == {
        "ssh_client_key": "PRIVATE",
        "ssh_client_key.pub": "ssh-ed25519 CCC\n",
    }


def test_publishes_the_port_on_loopback() -> None:
    pod = the_pod(manifest_of())
    assert (
        pod["spec"]["containers"][0]["ports"][0] | {"hostPort": 8123, "hostIP": "127.0.0.1"}
        == (pod["spec"]["containers"][0]["ports"][0])
    )


def test_everything_is_labelled() -> None:
    for document in manifest_of(instance=Instance("two")):
        assert (
            document["metadata"]["labels"].items()
            >= {
                "app.kubernetes.io/part-of": "brics-jupyterhub-envs",
                "app.kubernetes.io/instance": "two",
                "brics.environment": "dev_x",
                "brics.checkout": "c0ffee",
            }.items()
        )


def test_the_pod_tells_what_it_was_made_as_and_from_where() -> None:
    pod = the_pod(manifest_of())
    annotations = pod["metadata"]["annotations"]
    assert annotations["brics.checkout-folder"] == "/project"
    assert parse_record(annotations["brics.record"]) == Record(
        "dev_x",
        "http://127.0.0.1:8123/jupyter/",
        "/jupyter/",
        "",
        "a.p",
        "127.0.0.1",
        "/opt/slurmspawner_wrappers/bin",
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"environment": "dev_x"}', "no JSON"])
def test_what_is_no_record_tells_nothing(text: str) -> None:
    assert parse_record(text) is None


def test_an_instance_has_its_own_names_and_images() -> None:
    pod = the_pod(manifest_of(instance=Instance("two")))
    assert pod["metadata"]["name"] == "jupyterhub-slurm-two"
    assert [volume.get("configMap", {}).get("name") for volume in pod["spec"]["volumes"]] == [
        None,
        "jupyterhub-config-two",
        "dev-user-config-two",
        None,
    ]
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == "jupyterhub_root_two"
    assert pod["spec"]["volumes"][3]["secret"]["secretName"] == "jupyterhub-slurm-ssh-client-key-two"
    assert pod["spec"]["containers"][0]["image"] == "localhost/brics_jupyterhub:dev-two"
    assert pod["spec"]["containers"][1]["image"] == "example.org/other:1"


def test_host_aliases_are_grouped_by_address() -> None:
    settings = DeploySettings(slurmHostAliases={"n1": "10.0.0.1", "n2": "10.0.0.2", "n3": "10.0.0.1"})
    pod = the_pod(manifest_of(settings=settings))
    assert pod["spec"]["hostAliases"] == [
        {"ip": "10.0.0.1", "hostnames": ["n1", "n3"]},
        {"ip": "10.0.0.2", "hostnames": ["n2"]},
    ]


def test_a_reference_that_nobody_makes_is_an_error() -> None:
    documents = copy.deepcopy(DOCUMENTS)
    the_pod(documents)["spec"]["volumes"].append({"name": "z", "configMap": {"name": "nobody"}})
    with pytest.raises(EnvsError, match="ConfigMap nobody, which nothing makes"):
        manifest_of(documents)


@pytest.mark.parametrize("pods", [0, 2])
def test_exactly_one_pod(pods: int) -> None:
    documents = DOCUMENTS[:2] + [DOCUMENTS[2]] * pods
    with pytest.raises(EnvsError, match=f"{pods} pods"):
        manifest_of(documents)


def test_inputs_are_not_changed() -> None:
    before = copy.deepcopy(DOCUMENTS)
    manifest_of(instance=Instance("two"))
    assert before == DOCUMENTS


def test_a_shown_manifest_has_no_secret() -> None:
    shown = str(manifest_of(secrets=HIDDEN))
    assert "PRIVATE" not in shown
    assert "<hidden>" in shown
    assert "PRIVATE" not in repr(SECRETS)


def test_what_changed_is_named() -> None:
    before = input_digests(manifest_of(), {"jupyterhub": "1"})
    users = (DevUser("a", "p"), DevUser("b", "p"))
    now = input_digests(manifest_of(dev_users=users), {"jupyterhub": "2"})
    assert [str(item) for item in changed_inputs(before, now)] == [
        "image of container jupyterhub",
        "dev_users (ConfigMap dev-user-config)",
        "dev_users.json (ConfigMap dev-user-config)",
    ]
    assert inputs_label(before) != inputs_label(now)
    assert changed_inputs(before, before) == []


def test_the_label_is_on_the_pod() -> None:
    manifest = manifest_of()
    digests = input_digests(manifest, {})
    label = the_pod(with_inputs_label(manifest, digests))["metadata"]["labels"]["brics.inputs"]
    assert label == inputs_label(digests)
    assert len(label) == 16


def test_a_layer_is_beside_the_hubs_configuration() -> None:
    before = copy.deepcopy(DOCUMENTS)
    layered = manifest_of(layers={"99-local.py": "c = get_config()"})
    (config,) = [d for d in layered if d["metadata"]["name"] == "jupyterhub-config"]
    assert config["data"] == {"a.py": "x", "99-local.py": "c = get_config()"}
    assert before == DOCUMENTS
