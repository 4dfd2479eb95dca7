"""The steps that change what runs without making it anew. Pure. May import: plan.

``podman kube play`` keeps a volume for each ConfigMap and Secret, and fills it only when it makes a pod. A container
that has these volumes, and nothing else, writes them while the pod runs, each file whole or not at all.
"""

from __future__ import annotations

import json

import yaml

from brics_envs.plan.changes import SLURM, Change
from brics_envs.plan.digests import contents_of
from brics_envs.plan.names import Checkout, Instance
from brics_envs.plan.overlay import Document, references, the_pod
from brics_envs.plan.steps import STOP_S, Step

MODE = 0o644
"""Of the files of ConfigMaps and Secrets that name no ``defaultMode``."""

PROGRAM = """
import json, os, sys

for volume, files in json.load(sys.stdin).items():
    os.chdir(f"/volumes/{volume}")
    for name, (text, mode) in files.items():
        descriptor = os.open(".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as new:
            new.write(text.encode())
            os.fchmod(descriptor, mode)
        os.rename(".new", name)
    for name in set(os.listdir()) - set(files):
        os.unlink(name)
"""
"""Reads volume → file → (text, mode) as JSON, and makes it so; the volumes are below ``/volumes``."""


def in_place_steps(
    instance: Instance, checkout: Checkout, manifest: list[Document], change: Change
) -> list[Step]:
    """The steps that carry out a change that does not replace the pod.

    :param manifest: as it is to be.
    """
    changed = [d for d in manifest if (d["kind"], d["metadata"]["name"]) in change.contents]
    steps = []
    if secrets := [document for document in changed if document["kind"] == "Secret"]:
        play = ("kube", "play", "--network", instance.network, "-")
        steps.append(Step("secrets", play, yaml.safe_dump_all(secrets).encode()))
    if changed:
        steps.append(_contents_step(instance, checkout, the_pod(manifest), changed))
    if change.reload:
        reload = (
            "exec",
            instance.container(SLURM),
            "/usr/local/lib/brics-slurm/slurm_entrypoint.py",
            "reconfigure",
        )
        steps.append(Step("reconfigure Slurm", reload))
    if change.restart:
        names = [instance.container(name) for name in change.restart]
        title = f"restart {', '.join(change.restart)}"
        # podman stumbles over a container that ends, or is started again, at the same moment.
        steps.append(Step(title, ("restart", "--time", str(STOP_S), *names), tries=3))
    return steps


def _contents_step(instance: Instance, checkout: Checkout, pod: Document, changed: list[Document]) -> Step:
    files = {
        document["metadata"]["name"]: {
            key: (text, _mode(pod, document)) for key, text in contents_of(document).items()
        }
        for document in changed
    }
    marks = (f"--label={key}={value}" for key, value in (instance.labels | checkout.labels).items())
    args = (
        *("run", "--rm", "--interactive", "--pull=never", "--log-driver=none", *marks),
        *("--network=none", "--read-only", "--user=0:0", "--cap-drop=all", "--entrypoint=python3"),
        # Where SELinux is on, the volumes belong to the pod's containers.
        *("--security-opt=no-new-privileges", "--security-opt=label=disable"),
        *(f"--volume={volume}:/volumes/{volume}" for volume in files),
        *(_python_image(pod), "-c", PROGRAM),
    )
    return Step(f"contents of {', '.join(files)}", args, json.dumps(files).encode())


def _python_image(pod: Document) -> str:
    """The hub's image: every environment has it, and of others not all have Python."""
    return str(next(one["image"] for one in pod["spec"]["containers"] if one["name"] == "jupyterhub"))


def _mode(pod: Document, document: Document) -> int:
    """The mode of an object's files, which podman has for all of its mounts at once."""
    of = {"ConfigMap": "configMap", "Secret": "secret"}[document["kind"]]
    wanted = (document["kind"], document["metadata"]["name"])
    named = {id(holder) for kind, holder, key in references(pod) if (kind, holder[key]) == wanted}
    modes = [
        volume[of]["defaultMode"]
        for volume in pod["spec"].get("volumes", ())
        if id(volume.get(of)) in named and "defaultMode" in volume[of]
    ]
    return int(modes[-1]) if modes else MODE
