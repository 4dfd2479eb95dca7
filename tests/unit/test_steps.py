"""The steps of up and down, as data."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from brics_envs.plan.names import Checkout, Instance
from brics_envs.plan.overlay import Document
from brics_envs.plan.ownership import Existing, Thing
from brics_envs.plan.steps import Step, down_steps, up_steps, wanted_names

MANIFEST: list[Document] = [
    {"kind": "ConfigMap", "metadata": {"name": "deploy-config"}},
    {"kind": "Secret", "metadata": {"name": "deploy-secret"}},
    {"kind": "PersistentVolumeClaim", "metadata": {"name": "jupyterhub_root"}},
    {
        "kind": "Pod",
        "metadata": {"name": "jupyterhub-slurm"},
        "spec": {"containers": [{"name": "slurm", "image": "localhost/brics_slurm:dev-latest"}]},
    },
]
FILE = Path("/p/_build/default/jh_slurm_pod.yaml")
CHECKOUT = Checkout("c0ffee", Path("/p"))
LABELS = {
    "app.kubernetes.io/part-of": "brics-jupyterhub-envs",
    "app.kubernetes.io/instance": "default",
    "brics.checkout": "c0ffee",
    "brics.checkout-folder": "/p",
}
MARKS = [word for key, value in LABELS.items() for word in ("--label", f"{key}={value}")]
CONFIGURATION = {"brics.contents": "configuration"}
PLAY = ("kube", "play", "--network", "jupyterhub-slurm-network", str(FILE))
ALL = Existing(
    (
        Thing("pod", "jupyterhub-slurm", LABELS),
        Thing("volume", "jupyterhub_root", LABELS),
        Thing("volume", "slurm_root", LABELS),
        Thing("volume", "deploy-config", LABELS | CONFIGURATION),
        Thing("secret", "deploy-secret", LABELS),
        Thing("network", "jupyterhub-slurm-network", LABELS),
    )
)


def up(
    existing: Existing, instance: Instance | None = None, manifest: list[Document] = MANIFEST
) -> list[Step]:
    archives = {"jupyterhub_root": b"tar"}
    return up_steps(instance or Instance(), CHECKOUT, manifest, FILE, archives, existing)


def claims(step: Step) -> dict[str, dict[str, str]]:
    """Volume → labels."""
    documents = yaml.safe_load_all(step.stdin)
    return {document["metadata"]["name"]: document["metadata"]["labels"] for document in documents}


def test_up_from_nothing() -> None:
    network, volumes, contents, pod = up(Existing())
    assert network.args == ("network", "create", "--disable-dns", *MARKS, "jupyterhub-slurm-network")
    assert volumes.args == ("kube", "play", "--network", "jupyterhub-slurm-network", "-")
    assert claims(volumes) == {
        "jupyterhub_root": LABELS,
        "deploy-config": LABELS | CONFIGURATION,
        "deploy-secret": LABELS | CONFIGURATION,
    }
    assert contents.args == ("volume", "import", "jupyterhub_root", "-")
    assert pod.args == PLAY


def test_up_replaces_the_pod_and_keeps_the_volumes() -> None:
    steps = up(ALL)
    assert [step.args for step in steps] == [
        ("pod", "rm", "--force", "--ignore", "--time", "10", "jupyterhub-slurm"),
        ("volume", "rm", "--force", "deploy-config"),
        ("secret", "rm", "deploy-secret"),
        ("kube", "play", "--network", "jupyterhub-slurm-network", "-"),
        ("volume", "import", "jupyterhub_root", "-"),
        PLAY,
    ]
    assert set(claims(steps[3])) == {"deploy-config", "deploy-secret"}


def test_volumes_of_a_named_instance_get_the_contents_of_their_base() -> None:
    manifest: list[Document] = [
        {"kind": "PersistentVolumeClaim", "metadata": {"name": "jupyterhub_root_two"}},
        MANIFEST[-1],
    ]
    steps = up(Existing(), Instance("two"), manifest)
    assert [step.stdin for step in steps if "import" in step.args] == [b"tar"]


@pytest.mark.parametrize(
    ("cpu", "shares"),
    [("1", 1024), ("2", 2048), ("0.5", 512), ("100m", 102), ("1500m", 1536), ("1m", 2), (2, 2048)],
)
def test_a_container_that_requests_cpu_gets_its_share(cpu: str | int, shares: int) -> None:
    containers = [
        {"name": "slurm", "image": "x", "resources": {"requests": {"cpu": cpu}}},
        {"name": "jupyterhub", "image": "x", "resources": {"requests": {"memory": "1Gi"}}},
    ]
    manifest: list[Document] = [*MANIFEST[:-1], MANIFEST[-1] | {"spec": {"containers": containers}}]
    pod, share = up(Existing(), manifest=manifest)[-2:]
    assert pod.args == PLAY
    assert share.args == ("update", "--cpu-shares", str(shares), "jupyterhub-slurm-slurm")
    assert share.optional
    assert not pod.optional


def test_every_name_that_is_made_is_wanted() -> None:
    assert wanted_names(Instance(), MANIFEST) == {
        ("pod", "jupyterhub-slurm"),
        ("container", "jupyterhub-slurm-slurm"),
        ("network", "jupyterhub-slurm-network"),
        ("volume", "jupyterhub_root"),
        ("volume", "deploy-config"),
        ("volume", "deploy-secret"),
        ("secret", "deploy-secret"),
        ("image", "localhost/brics_slurm:dev-latest"),
    }


def down(existing: Existing, images: Iterable[str] = (), keep: bool = False) -> list[tuple[str, ...]]:
    return [step.args for step in down_steps(existing, list(images), keep_volumes=keep)]


def test_down_removes_what_there_is() -> None:
    assert down(ALL, images=["localhost/brics_slurm:dev-two"]) == [
        ("pod", "rm", "--force", "--ignore", "--time", "10", "jupyterhub-slurm"),
        ("volume", "rm", "--force", "deploy-config"),
        ("secret", "rm", "deploy-secret"),
        ("volume", "rm", "--force", "jupyterhub_root", "slurm_root"),
        ("network", "rm", "--force", "jupyterhub-slurm-network"),
        ("rmi", "localhost/brics_slurm:dev-two"),
    ]


def test_down_can_keep_the_volumes() -> None:
    assert not any("jupyterhub_root" in args for args in down(ALL, keep=True))


def test_down_of_nothing_does_nothing() -> None:
    assert down(Existing()) == []
