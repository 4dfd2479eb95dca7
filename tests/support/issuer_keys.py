"""The keys of an instance's local issuer change."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import time

from brics_envs.effects.files import write_private
from brics_envs.effects.tokens import make_jwks
from tests.support.real_instance import RealInstance
from tests.support.waiting import wait_for


def rotate(real: RealInstance, *, keep: int) -> None:
    """Give the issuer a new key, and let it publish so many old ones; wait until it does."""
    file = real.directory / "issuer_jwks.json"
    published = json.loads(file.read_text())["keys"][:keep]
    keys = {"keys": make_jwks()["keys"] + published}
    data = json.dumps(keys).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        info = tarfile.TarInfo("jwks.json")
        info.size, info.mode, info.mtime = len(data), 0o444, int(time.time())
        tar.addfile(info, io.BytesIO(data))
    volume = real.instance.named("jupyterhub-slurm-issuer-keys")
    subprocess.run(
        ["podman", "volume", "import", volume, "-"], input=archive.getvalue(), check=True, capture_output=True
    )
    write_private(file, data)
    ids = [key["kid"] for key in keys["keys"]]
    wait_for(lambda: [key["kid"] for key in real.jwks()["keys"]] == ids, "the issuer publishes them")
