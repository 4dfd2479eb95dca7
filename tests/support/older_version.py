"""Make of an instance what older versions made: nothing says which checkout, and half of the volumes have no labels."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from brics_envs.plan.names import Instance
from brics_envs.plan.record import parse_record

CHECKOUT = ("brics.checkout", "brics.checkout-folder")


def make_older(instance: Instance, directory: Path, podman: Callable[..., str]) -> None:
    """Replace an instance's pod, and its volumes with their contents, by what an older version would have made.

    :param directory: the instance's generated files.
    :param podman: runs podman with these arguments, and returns what it prints.
    """
    manifest = directory / "jh_slurm_pod.yaml"
    documents = list(yaml.safe_load_all(manifest.read_text()))
    (pod,) = (document for document in documents if document["kind"] == "Pod")
    record = parse_record(pod["metadata"]["annotations"]["brics.record"])
    assert record is not None
    del pod["metadata"]["annotations"]
    for document in documents:
        document["metadata"]["labels"].pop("brics.checkout")
    ours = [f"--filter=label={key}={value}" for key, value in instance.labels.items()]
    volumes = podman("volume", "ls", "--quiet", *ours).split()
    podman("pod", "rm", "--force", "--time=0", instance.pod)
    marks = [f"--label={key}={value}" for key, value in instance.labels.items()]
    state = [
        document["metadata"]["name"] for document in documents if document["kind"] == "PersistentVolumeClaim"
    ]
    for name in volumes:
        with tempfile.NamedTemporaryFile(dir="/var/tmp") as archive:
            podman("volume", "export", f"--output={archive.name}", name)
            podman("volume", "rm", name)
            if name in state:
                podman("volume", "create", *marks, name)
                podman("volume", "import", name, archive.name)
    podman("network", "rm", instance.network)
    podman("network", "create", "--disable-dns", *marks, instance.network)
    manifest.write_text(yaml.safe_dump_all(documents))
    podman("kube", "play", f"--network={instance.network}", str(manifest))
    applied = {name: getattr(record, name) for name in record.__dataclass_fields__} | {
        "digests": {"pod": "older"}
    }
    (directory / "applied.json").write_text(json.dumps(applied))
