"""Make of an instance what older versions made: nothing says which checkout, and half of the volumes have no labels."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from brics_envs.plan.record import parse_record
from tests.support.world import One

CHECKOUT = ("brics.checkout", "brics.checkout-folder")


def make_older(one: One) -> None:
    """Replace an instance's pod, and its volumes with their contents, by what an older version would have made."""
    manifest = one.directory / "jh_slurm_pod.yaml"
    documents = list(yaml.safe_load_all(manifest.read_text()))
    (pod,) = (document for document in documents if document["kind"] == "Pod")
    record = parse_record(pod["metadata"]["annotations"]["brics.record"])
    assert record is not None
    del pod["metadata"]["annotations"]
    for document in documents:
        document["metadata"]["labels"].pop("brics.checkout")
    podman = one.world.podman
    volumes = podman("volume", "ls", "--quiet").split()
    podman("pod", "rm", "--force", "--time=0", one.instance.pod)
    marks = [f"--label={key}={value}" for key, value in one.instance.labels.items()]
    state = [
        document["metadata"]["name"] for document in documents if document["kind"] == "PersistentVolumeClaim"
    ]
    for name in volumes:
        archive = Path(one.world.environment["TMPDIR"], "volume.tar")
        podman("volume", "export", f"--output={archive}", name)
        podman("volume", "rm", name)
        if name in state:
            podman("volume", "create", *marks, name)
            podman("volume", "import", name, str(archive))
    podman("network", "rm", one.instance.network)
    podman("network", "create", "--disable-dns", *marks, one.instance.network)
    manifest.write_text(yaml.safe_dump_all(documents))
    podman("kube", "play", f"--network={one.instance.network}", str(manifest))
    applied = {name: getattr(record, name) for name in record.__dataclass_fields__} | {
        "digests": {"pod": "older"}
    }
    (one.directory / "applied.json").write_text(json.dumps(applied))
