"""The steps of up and down, as data."""

from pathlib import Path

from brics_envs.plan.names import Instance
from brics_envs.plan.steps import ExistingNames, down_steps, up_steps

MANIFEST = [
    {"kind": "PersistentVolumeClaim", "metadata": {"name": "jupyterhub_root"}},
    {"kind": "Pod", "metadata": {"name": "jupyterhub-slurm"}},
]
FILE = Path("/p/_build/default/jh_slurm_pod.yaml")
LABELS = (
    "--label",
    "app.kubernetes.io/part-of=brics-jupyterhub-envs",
    "--label",
    "app.kubernetes.io/instance=default",
)
ALL = ExistingNames(
    pods=frozenset({"jupyterhub-slurm", "somebody-elses"}),
    volumes=frozenset({"jupyterhub_root", "deploy-config", "mine"}),
    secrets=frozenset({"jupyterhub-slurm-ssh-host-key", "other"}),
    networks=frozenset({"jupyterhub-slurm-network", "podman"}),
)


def up(existing):
    return [step.args for step in up_steps(Instance(), MANIFEST, FILE, {"jupyterhub_root": b"tar"}, existing)]


def test_up_from_nothing():
    assert up(ExistingNames()) == [
        ("network", "create", "--disable-dns", *LABELS, "jupyterhub-slurm-network"),
        ("volume", "create", *LABELS, "jupyterhub_root"),
        ("volume", "import", "jupyterhub_root", "-"),
        ("kube", "play", "--network", "jupyterhub-slurm-network", str(FILE)),
    ]


def test_up_replaces_the_pod_and_keeps_the_volumes():
    assert up(ALL) == [
        ("pod", "rm", "--force", "--ignore", "--time", "10", "jupyterhub-slurm"),
        ("volume", "rm", "--force", "deploy-config"),
        ("secret", "rm", "jupyterhub-slurm-ssh-host-key"),
        ("volume", "import", "jupyterhub_root", "-"),
        ("kube", "play", "--network", "jupyterhub-slurm-network", str(FILE)),
    ]


def test_volumes_of_a_named_instance_get_the_contents_of_their_base():
    manifest = [{"kind": "PersistentVolumeClaim", "metadata": {"name": "jupyterhub_root_two"}}]
    steps = up_steps(Instance("two"), manifest, FILE, {"jupyterhub_root": b"tar"}, ExistingNames())
    assert [step.stdin for step in steps if "import" in step.args] == [b"tar"]


def down(existing, labelled=(), images=(), keep=False):
    steps = down_steps(Instance(), existing, list(labelled), list(images), keep_volumes=keep)
    return [step.args for step in steps]


def test_down_removes_only_what_is_this_instances():
    assert down(ALL, labelled=["jupyterhub_root", "jupyterhub_extra"]) == [
        ("pod", "rm", "--force", "--ignore", "--time", "10", "jupyterhub-slurm"),
        ("volume", "rm", "--force", "deploy-config"),
        ("secret", "rm", "jupyterhub-slurm-ssh-host-key"),
        ("volume", "rm", "--force", "jupyterhub_extra", "jupyterhub_root"),
        ("network", "rm", "--force", "jupyterhub-slurm-network"),
    ]


def test_down_can_keep_the_volumes():
    assert not any("jupyterhub_root" in args for args in down(ALL, labelled=["jupyterhub_root"], keep=True))


def test_down_of_nothing_does_nothing():
    assert down(ExistingNames(volumes=frozenset({"mine"}), pods=frozenset({"jupyterhub-slurm-two"}))) == []
